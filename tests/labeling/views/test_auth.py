from __future__ import annotations

from django.test import Client
from factories import PASSWORD, make_user


def test_the_right_password_signs_in_and_leads_to_the_page_that_was_asked_for(cast):
    client = Client()

    answer = client.post("/login/?next=/p/colours/", {"username": "bob", "password": PASSWORD, "next": "/p/colours/"})

    assert (answer.status_code, answer["Location"]) == (302, "/p/colours/")
    assert client.get("/").status_code == 200


def test_a_wrong_password_and_an_unknown_name_get_the_same_words(cast):
    pages = [Client().post("/login/", {"username": name, "password": "wrong"}) for name in ("bob", "nobody")]

    said = [list(page.context["form"].non_field_errors()) for page in pages]
    assert said[0] == said[1]
    assert "correct username and password" in said[0][0]


def test_the_login_leads_to_no_other_site(cast):
    form = {"username": "bob", "password": PASSWORD, "next": "https://example.org/"}

    answer = Client().post("/login/", form)

    assert answer["Location"] == "/"


def test_signing_out_takes_a_post(cast, signed_in):
    client = signed_in(cast.bob)

    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/").status_code == 302


def test_who_guesses_is_told_how_long_to_wait(cast):
    client = Client()
    for _ in range(5):
        client.post("/login/", {"username": "bob", "password": "guess"})

    answer = client.post("/login/", {"username": "bob", "password": PASSWORD})

    assert (answer.status_code, answer["Retry-After"] in ("1", "2")) == (429, True)
    assert "That was tried too often. Wait" in answer.content.decode()
    assert client.get("/").status_code == 302


def test_another_address_is_not_held_up(cast):
    for _ in range(6):
        Client(REMOTE_ADDR="198.51.100.7").post("/login/", {"username": "bob", "password": "guess"})

    answer = Client(REMOTE_ADDR="192.0.2.1").post("/login/", {"username": "bob", "password": PASSWORD})

    assert answer.status_code == 302


def test_the_admin_of_django_is_behind_the_same_door(cast, signed_in):
    staff = make_user("root", is_superuser=True)

    assert Client().get("/admin/login/?next=/admin/")["Location"] == "/login/?next=%2Fadmin%2F"
    assert signed_in(staff).get("/admin/").status_code == 200
    assert signed_in(cast.bob).get("/admin/", follow=True).status_code == 403
