"""The page of a person's tokens, and their endpoints."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from factories import api_client, make_cast, make_user
from rest_framework.test import APIClient

from labeling.models import ApiToken
from labeling.services.tokens import create_token

pytestmark = pytest.mark.django_db
PAGE = "/settings/tokens/"
API = "/api/v1/tokens/"


def with_token(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client


def test_token_made_on_the_page_is_shown_once_and_does_what_it_is_for(client):
    cast = make_cast()
    client.force_login(cast.bob)

    made = client.post(PAGE, {"name": "notebook", "scopes": ["read"], "days": "7"})
    again = client.get(PAGE)

    [text] = re.findall(r'<code id="token">(pf_[^<]+)</code>', made.content.decode())
    assert text not in again.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert with_token(text).get("/api/v1/projects/colours/").status_code == 200
    refused = with_token(text).post("/api/v1/projects/colours/next/")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert "needs a token with the scope judge; yours has read" in refused.json()["detail"]
    ends = ApiToken.objects.get().expires
    assert ends is not None
    assert dt.timedelta(days=6, hours=23) < ends - timezone.now() <= dt.timedelta(days=7)


def test_token_revoked_on_the_page_opens_nothing(client):
    bob = make_user("bob")
    token, text = create_token(user=bob, name="notebook", scopes=["read"])
    client.force_login(bob)

    client.post(f"{PAGE}{token.pk}/revoke/")

    assert with_token(text).get("/api/v1/projects/").status_code == 401


def test_tokens_are_nobody_else_s(client):
    bob, dora = make_user("bob"), make_user("dora")
    token, text = create_token(user=bob, name="of bob", scopes=["read", "manage"])

    visitor = client.post(f"{PAGE}{token.pk}/revoke/")
    client.force_login(dora)
    stranger = client.post(f"{PAGE}{token.pk}/revoke/")
    by_api = api_client(dora).delete(f"{API}{token.pk}/")

    assert (visitor.status_code, stranger.status_code, by_api.status_code) == (302, 404, 404)
    assert "of bob" not in client.get(PAGE).content.decode()
    assert [row["name"] for row in api_client(dora).get(API).json()["results"]] == ["signed in with name and password"]
    assert api_client().get(API).status_code == 401
    assert with_token(text).get(API).status_code == 200


@pytest.mark.parametrize("wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"days": "9"}, {"name": "\x00"}])
def test_form_that_is_wrong_comes_back_and_makes_nothing(client, wrong):
    client.force_login(make_user("bob"))

    reply = client.post(PAGE, {"name": "notebook", "scopes": ["read"], "days": "7", **wrong})

    assert reply.status_code == 422
    assert not ApiToken.objects.exists()


def test_pages_and_lists_ask_as_many_queries_for_fifty_tokens_as_for_one(client):
    bob = make_user("bob")
    client.force_login(bob)
    program = api_client(bob)
    counts = []
    for number in (1, 49):
        for each in range(number):
            ApiToken.objects.create(user=bob, name="x", scopes=["read"], digest=f"{number:032d}{each:032d}")
        program.get(API)
        with CaptureQueriesContext(connection) as page:
            client.get(PAGE)
        with CaptureQueriesContext(connection) as listed:
            program.get(API)
        counts.append((len(page), len(listed)))

    assert counts[0] == counts[1]
    assert counts[0][1] == 2  # the token, and the tokens


def test_token_made_by_api_is_told_once_and_has_no_more_than_its_maker():
    bob = make_user("bob")
    _, text = create_token(user=bob, name="maker", scopes=["read", "manage"])
    maker = with_token(text)

    made = maker.post(API, {"name": "small", "scopes": ["read"], "expires": None}, format="json")
    more = maker.post(API, {"name": "large", "scopes": ["judge"]}, format="json")
    listed = maker.get(API).json()["results"]

    assert made.status_code == 201
    assert with_token(made.json()["token"]).get(API).status_code == 200
    assert (more.status_code, more.json()["code"]) == (403, "scope_missing")
    assert [(row["name"], "token" in row) for row in listed] == [("small", False), ("maker", False)]
    assert maker.delete(f"{API}{made.json()['id']}/").status_code == 204
    assert with_token(made.json()["token"]).get(API).status_code == 401


def test_researcher_s_token_is_refused_admin_calls_by_name():
    cast = make_cast()
    _, text = create_token(user=cast.rita, name="all", scopes=["read", "judge", "data", "manage", "runs"])

    refused = with_token(text).patch("/api/v1/projects/colours/", {"overlap": 2}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert refused.json()["detail"] == "this is for admin; you are researcher in this project"


@pytest.mark.parametrize(
    "header", ["Token", "Token a b", "Token pf_none", "token pf_none", "Bearer pf_none", "Token \xff"]
)
def test_header_that_is_no_token_is_401(header):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)

    response = client.get(API)

    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Token")


def test_answer_that_has_not_changed_is_not_sent_again():
    client = api_client(make_user("bob"))
    client.get("/api/v1/projects/")  # the first use of a token is written down with it

    first = client.get("/api/v1/projects/")
    second = client.get("/api/v1/projects/", headers={"If-None-Match": first["ETag"]})
    client.post("/api/v1/projects/", {"slug": "new"}, format="json")
    third = client.get("/api/v1/projects/", headers={"If-None-Match": first["ETag"]})

    assert (first.status_code, second.status_code, third.status_code) == (200, 304, 200)
    assert (second.content, second["ETag"]) == (b"", first["ETag"])
    assert third["ETag"] != first["ETag"]
