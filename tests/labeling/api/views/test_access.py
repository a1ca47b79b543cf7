"""Getting a token."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from factories import PASSWORD, api_client, make_user

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/token/"


@pytest.fixture(autouse=True)
def no_attempts_yet():
    cache.clear()


def test_token_opens_the_api_and_is_the_same_at_every_call():
    make_user("bob")

    first = api_client().post(ADDRESS, {"username": "bob", "password": PASSWORD}, format="json")
    second = api_client().post(ADDRESS, {"username": "bob", "password": PASSWORD}, format="json")
    client = api_client()
    client.credentials(HTTP_AUTHORIZATION=f"Token {first.json()['token']}")

    assert first.status_code == 200
    assert first.json() == second.json()
    assert client.get("/api/v1/projects/").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"username": "bob", "password": "wrong"},
        {"username": "nobody", "password": PASSWORD},
        {"username": "gone", "password": PASSWORD},
        {"username": "bob"},
        {"username": "", "password": PASSWORD},
        {"username": "bob\x00", "password": PASSWORD},
        {"username": ["bob"], "password": PASSWORD},
        {"username": "bob", "password": PASSWORD, "otp": "1"},
        [],
        "bob",
        None,
    ],
)
def test_wrong_credentials_get_400_and_no_token(body):
    make_user("bob")
    gone = make_user("gone")
    gone.is_active = False
    gone.save()

    response = api_client().post(ADDRESS, body, format="json")

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert "token" not in response.json()


def test_attempt_after_thirty_in_a_minute_has_to_wait():
    for _ in range(30):
        api_client().post(ADDRESS, {"username": "bob", "password": "guess"}, format="json")

    response = api_client().post(ADDRESS, {"username": "bob", "password": "guess"}, format="json")

    assert (response.status_code, response.json()["code"]) == (429, "throttled")
    assert 0 < int(response["Retry-After"]) <= 60
