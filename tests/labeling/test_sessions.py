from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from factories import claim, make_cast, make_user

from labeling.http import person_of
from labeling.models import Session
from labeling.sessions import SessionStore

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob():
    return make_user("bob")


def request_of(rf, browser):
    """A request of that browser, as the middleware sees it."""
    request = rf.get("/")
    request.session = SessionStore(browser.cookies[settings.SESSION_COOKIE_NAME].value)
    return request


@pytest.fixture
def browser(bob):
    client = Client()
    client.force_login(bob)
    return client


def test_the_person_comes_with_the_session(rf, browser, bob, django_assert_num_queries):
    request = request_of(rf, browser)

    with django_assert_num_queries(1):
        person = person_of(request)

    assert person == bob
    assert person.username == "bob"


@pytest.mark.parametrize(
    "changes", [{"is_active": False}, {"password": "md5$another"}], ids=["deactivated", "new password elsewhere"]
)
def test_a_session_ends_with_what_it_was_begun_with(rf, browser, bob, changes):
    type(bob).objects.filter(pk=bob.pk).update(**changes)

    assert isinstance(person_of(request_of(rf, browser)), AnonymousUser)


def test_a_session_that_says_to_be_of_somebody_else_is_nobodys(rf, browser, bob):
    eve = make_user("eve")
    store = SessionStore(browser.cookies[settings.SESSION_COOKIE_NAME].value)
    store["_auth_user_id"] = str(eve.pk)
    store.save()
    Session.objects.update(user=bob)

    assert isinstance(person_of(request_of(rf, browser)), AnonymousUser)


def test_a_session_that_is_over_or_ended_is_nobodys(rf, browser):
    request = request_of(rf, browser)
    Session.objects.update(expire_date=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))

    assert isinstance(person_of(request), AnonymousUser)
    assert request.session.session_key is None


def test_a_session_of_nobody_keeps_what_it_holds():
    store = SessionStore()
    store["note"] = "kept"
    store.save()

    again = SessionStore(store.session_key)

    assert again["note"] == "kept"
    assert again.person is None


def test_a_refusal_of_what_a_page_sent_by_itself_takes_no_newer_cookie_away():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    page = Client()
    page.force_login(cast.bob)
    Session.objects.all().delete()

    answer = page.post(f"/p/colours/judge/{assignment.pk}/heartbeat/", headers={"accept": "application/json"})

    assert answer.status_code == 401
    assert "sessionid" not in answer.cookies
