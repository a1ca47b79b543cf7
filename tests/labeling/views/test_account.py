from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db.models import F
from django.test import Client
from factories import PASSWORD, judge

from labeling.models import Label, Session, User
from labeling.selectors.sessions import device_name

NEW = "a long and quiet river"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    "Mobile/15E148 Safari/604.1"
)


def browser(user_agent: str) -> Client:
    """One in which bob signed in."""
    client = Client(headers={"User-Agent": user_agent})
    client.post("/login/", {"username": "bob", "password": PASSWORD})
    return client


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox, Linux"),
        (PHONE, "Safari, iPhone"),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile",
            "Chrome, Android",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("curl/8.0", ""),
    ],
)
def test_devices_are_named_as_people_know_them(user_agent, name):
    assert device_name(user_agent) == name


def test_my_sessions_are_listed_with_their_devices_and_nobody_elses(cast, signed_in):
    here = browser(FIREFOX)
    browser(PHONE)
    signed_in(cast.dora)

    rows = here.get("/settings/sessions/").context["sessions"]

    assert {(device, is_this) for _, _, device, is_this in rows} == {
        ("Firefox, Linux", True),
        ("Safari, iPhone", False),
    }


def test_the_page_does_not_show_what_signs_in(cast):
    here, there = browser(FIREFOX), browser(PHONE)

    page = here.get("/settings/sessions/").content.decode()

    assert there.cookies["sessionid"].value not in page


def test_one_session_is_ended_and_the_others_go_on(cast):
    here, there = browser(FIREFOX), browser(PHONE)
    [name] = re.findall(r'name="name" value="([^"]+)"', here.get("/settings/sessions/").content.decode())

    here.post("/settings/sessions/end/", {"name": name})

    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)


def test_all_others_are_ended_at_once(cast):
    here, others = browser(FIREFOX), [browser(PHONE) for _ in range(3)]

    answer = here.post("/settings/sessions/end/", {"others": "1"}, follow=True)

    assert "3 other sessions are ended." in answer.content.decode()
    assert [client.get("/").status_code for client in (here, *others)] == [200, 302, 302, 302]


def test_a_session_of_somebody_else_is_not_found(cast, signed_in):
    here, there = browser(FIREFOX), browser(PHONE)
    [name] = re.findall(r'name="name" value="([^"]+)"', here.get("/settings/sessions/").content.decode())

    assert signed_in(cast.dora).post("/settings/sessions/end/", {"name": name}).status_code == 404
    assert there.get("/").status_code == 200


def test_a_use_is_written_down_every_few_minutes(cast, django_assert_num_queries):
    here = browser(FIREFOX)
    Session.objects.update(last_used=F("last_used") - dt.timedelta(minutes=6))
    before = Session.objects.get(user=cast.bob).last_used

    here.get("/")
    first = Session.objects.get(user=cast.bob).last_used
    here.get("/")

    assert first > before
    assert Session.objects.get(user=cast.bob).last_used == first


def test_another_password_signs_all_other_browsers_out(cast):
    here, there = browser(FIREFOX), browser(PHONE)

    answer = here.post(
        "/settings/password/", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}, follow=True
    )

    assert "Your password is changed" in answer.content.decode()
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)
    assert Session.objects.filter(user=cast.bob).count() == 1
    assert Client().post("/login/", {"username": "bob", "password": NEW}).status_code == 302


@pytest.mark.parametrize(
    "change",
    [{"old_password": "wrong"}, {"new_password2": "another"}, {"new_password1": "short", "new_password2": "short"}],
)
def test_a_bad_password_changes_nothing(cast, change):
    here = browser(FIREFOX)

    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW, **change}

    assert here.post("/settings/password/", form).status_code == 422
    assert User.objects.get(username="bob").check_password(PASSWORD)


def test_who_guesses_at_an_open_screen_has_to_wait(cast, signed_in):
    form = {"old_password": "guess", "new_password1": NEW, "new_password2": NEW}
    here = signed_in(cast.bob)

    statuses = [here.post("/settings/password/", form).status_code for _ in range(6)]

    assert statuses == [422] * 5 + [429]
    assert here.post("/settings/erase/", {"username": "bob", "password": PASSWORD}).status_code == 429


def test_my_data_are_deleted_once_name_and_password_were_said(cast):
    judge(cast.project, cast.bob)
    here = browser(FIREFOX)

    wrong = [
        here.post("/settings/erase/", form).status_code
        for form in ({"username": "bob"}, {"username": "bob", "password": "x"}, {"username": "x", "password": PASSWORD})
    ]
    answer = here.post("/settings/erase/", {"username": "bob", "password": PASSWORD})

    assert wrong == [422, 422, 422]
    assert "Your data are deleted" in answer.content.decode()
    assert here.get("/").status_code == 302
    assert not User.objects.filter(username="bob").exists()
    assert Label.objects.filter(annotator=cast.bob).count() == 1


def test_the_last_admin_is_told_why_not(cast, signed_in):
    answer = signed_in(cast.alice).post("/settings/erase/", {"username": "alice", "password": PASSWORD})

    assert answer.status_code == 409
    assert User.objects.filter(username="alice").exists()


@pytest.mark.parametrize("path", ["password/", "sessions/", "erase/"])
def test_visitors_are_led_to_the_login(db, path):
    assert Client().get(f"/settings/{path}")["Location"].startswith("/login/")


def test_fifty_sessions_take_as_many_queries_as_one(cast, signed_in, django_assert_num_queries):
    client = signed_in(cast.bob)
    with django_assert_num_queries(2):
        client.get("/settings/sessions/")
    for _ in range(50):
        signed_in(cast.bob)

    with django_assert_num_queries(2):
        client.get("/settings/sessions/")
