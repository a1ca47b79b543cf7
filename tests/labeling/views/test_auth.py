from __future__ import annotations

from django.test import Client
from factories import PASSWORD


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
