"""A person's own account by API."""

from __future__ import annotations

import time

import pyotp
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from factories import PASSWORD, api_client, make_user

from labeling.models import Session, User
from labeling.services.second_factor import has_second_factor
from labeling.services.tokens import create_token

pytestmark = pytest.mark.django_db
SURE = {"password": PASSWORD}
OTHER = "a quite different staple"


@pytest.fixture
def bob() -> User:
    user: User = make_user("bob")
    return user


def signed_in(user: User) -> Client:
    client = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
    assert client.post("/login/", {"username": user.username, "password": PASSWORD}).status_code == 302
    return client


def send(client, address, body=None):
    return client.post(f"/api/v1/{address}", body or {}, format="json")


@pytest.mark.parametrize("address", ["sessions/", "second-factor/"])
def test_the_signed_out_see_and_change_nothing(address):
    assert api_client().get(f"/api/v1/{address}").status_code == 401
    for path in ("password/", "second-factor/", "second-factor/off/", "second-factor/codes/", "second-factor/confirm/"):
        assert send(api_client(), path, SURE).status_code == 401
    assert api_client().delete("/api/v1/sessions/").status_code == 401


def test_a_token_that_is_for_reading_changes_nothing(bob):
    client = api_client()
    client.credentials(HTTP_AUTHORIZATION=f"Token {create_token(user=bob, name='x', scopes=['read'])[1]}")

    statuses = [send(client, "password/", {**SURE, "new_password": OTHER}).status_code]
    statuses += [send(client, "second-factor/", SURE).status_code, client.delete("/api/v1/sessions/").status_code]

    assert statuses == [403, 403, 403]


def test_own_sessions_are_listed_and_ended_and_nobody_elses(bob):
    phone, desk = signed_in(bob), signed_in(bob)
    doras = signed_in(make_user("dora"))
    client = api_client(bob)

    listed = client.get("/api/v1/sessions/").json()["results"]
    at_desk = desk.get("/api/v1/sessions/").json()["results"]
    foreign = api_client(User.objects.get(username="dora")).delete(f"/api/v1/sessions/{listed[0]['name']}/")
    [this] = [row["name"] for row in at_desk if row["is_this"]]
    ended = client.delete(f"/api/v1/sessions/{this}/")
    all_ended = client.delete("/api/v1/sessions/").json()

    assert [(row["device"], row["is_this"]) for row in listed] == [("Firefox, Linux", False)] * 2
    assert not {row["name"] for row in listed} & set(Session.objects.values_list("session_key", flat=True))
    assert (foreign.status_code, ended.status_code, all_ended) == (404, 204, {"ended": 1})
    assert [each.get("/settings/").status_code for each in (phone, desk, doras)] == [302, 302, 200]


def test_sessions_cost_as_many_queries_for_fifty_as_for_one(bob):
    client, counts = api_client(bob), []
    for number in (1, 49):
        for _ in range(number):
            Session.objects.create(
                session_key=f"{number}-{_}", user=bob, expire_date="2099-01-01T00:00Z", session_data=""
            )
        with CaptureQueriesContext(connection) as queries:
            client.get("/api/v1/sessions/")
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_another_password_ends_every_session_and_the_token_goes_on(bob):
    phone, client = signed_in(bob), api_client(bob)

    wrong = send(client, "password/", {"password": "wrong", "new_password": OTHER})
    weak = send(client, "password/", {**SURE, "new_password": "bob"})
    done = send(client, "password/", {**SURE, "new_password": OTHER})

    assert (wrong.status_code, wrong.json()["code"]) == (400, "password_wrong")
    assert (weak.status_code, weak.json()["code"]) == (400, "password_weak")
    assert done.status_code == 204
    assert User.objects.get(pk=bob.pk).check_password(OTHER)
    assert phone.get("/settings/").status_code == 302
    assert client.get("/api/v1/sessions/").json() == {"results": []}


def test_the_browser_that_asks_stays_signed_in(bob):
    desk = signed_in(bob)

    done = desk.post("/api/v1/password/", {**SURE, "new_password": OTHER}, content_type="application/json")

    assert done.status_code == 204
    assert desk.get("/settings/").status_code == 200


def test_the_old_password_can_not_be_guessed_here_either(bob):
    client = api_client(bob)

    answers = [send(client, "password/", {"password": "wrong", "new_password": OTHER}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [400] * 5 + [429]
    assert int(answers[-1]["Retry-After"]) >= 1


def test_second_factor_from_beginning_to_end(bob):
    client = api_client(bob)

    before = client.get("/api/v1/second-factor/").json()
    unsure = send(client, "second-factor/", {"password": "wrong"})
    begun = send(client, "second-factor/", SURE).json()
    wrong = send(client, "second-factor/confirm/", {"code": "12"})
    code = pyotp.TOTP(begun["secret"]).at(int(time.time()))
    codes = send(client, "second-factor/confirm/", {"code": code}).json()["recovery_codes"]
    on = client.get("/api/v1/second-factor/").json()
    twice = send(client, "second-factor/", SURE)
    others = send(client, "second-factor/codes/", SURE).json()["recovery_codes"]
    off = send(client, "second-factor/off/", SURE).json()
    none = send(client, "second-factor/codes/", SURE)

    assert before == off == {"is_on": False, "recovery_codes": 0}
    assert (unsure.status_code, wrong.status_code, twice.status_code, none.status_code) == (400, 400, 409, 409)
    assert begun["address"].startswith("otpauth://totp/Prefloop:bob?secret=")
    assert on == {"is_on": True, "recovery_codes": 10}
    assert len(set(codes) | set(others)) == 20
    assert not has_second_factor(bob)
