"""Getting a token."""

from __future__ import annotations

import pytest
from factories import PASSWORD, api_client, make_user

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/token/"


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


def test_who_guesses_has_to_wait_and_is_told_how_long():
    make_user("bob")
    for _ in range(5):
        api_client().post(ADDRESS, {"username": "bob", "password": "guess"}, format="json")

    response = api_client().post(ADDRESS, {"username": "bob", "password": PASSWORD}, format="json")

    assert (response.status_code, response.json()["code"]) == (429, "throttled")
    assert response["Retry-After"] in ("1", "2")


def test_guesses_at_the_login_page_count_here_too(client):
    make_user("bob")
    for _ in range(5):
        client.post("/login/", {"username": "bob", "password": "guess"})

    response = api_client().post(ADDRESS, {"username": "bob", "password": PASSWORD}, format="json")

    assert response.status_code == 429
