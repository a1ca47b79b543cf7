"""Who reaches which endpoint: anonymous, a stranger from another project, and every role."""

from __future__ import annotations

import pytest
from factories import Cast, api_client, claim, make_cast, make_user

from labeling.models import Role
from labeling.services.projects import set_member

pytestmark = pytest.mark.django_db

PROJECT = "/api/v1/projects/colours/"

# method, address, statuses for annotator, researcher and admin
ENDPOINTS = [
    ("get", PROJECT, 200, 200, 200),
    ("patch", PROJECT, 403, 403, 200),
    ("get", f"{PROJECT}guidelines/", 200, 200, 200),
    ("post", f"{PROJECT}guidelines/", 403, 403, 400),
    ("get", f"{PROJECT}guidelines/1/", 404, 404, 404),
    ("post", f"{PROJECT}guidelines/1/read/", 400, 400, 400),
    ("get", f"{PROJECT}prompts/", 403, 200, 200),
    ("post", f"{PROJECT}prompts/", 403, 403, 400),
    ("post", f"{PROJECT}prompts/import/", 403, 403, 400),
    ("put", f"{PROJECT}prompts/1/topics/", 403, 403, 404),
    ("post", f"{PROJECT}prompts/change/", 403, 403, 400),
    ("put", f"{PROJECT}prompts/1/tags/", 403, 403, 404),
    ("get", f"{PROJECT}imports/", 403, 403, 200),
    ("get", f"{PROJECT}imports/4711/", 403, 403, 404),
    ("post", f"{PROJECT}imports/4711/cancel/", 403, 403, 404),
    ("get", f"{PROJECT}imports/4711/rejected/", 403, 403, 404),
    ("post", f"{PROJECT}next/", 200, 403, 200),
    ("get", f"{PROJECT}comparisons/", 403, 200, 200),
    ("get", f"{PROJECT}agreement/", 403, 200, 200),
    ("get", f"{PROJECT}export/", 403, 200, 200),
    ("get", f"{PROJECT}snapshots/", 403, 200, 200),
    ("post", f"{PROJECT}snapshots/", 403, 400, 400),
    ("get", f"{PROJECT}snapshots/v1/", 403, 404, 404),
    ("get", f"{PROJECT}audit/", 403, 403, 200),
    ("get", f"{PROJECT}pseudonyms/", 403, 403, 200),
    ("post", f"{PROJECT}pseudonyms/", 403, 403, 400),
    ("get", f"{PROJECT}members/", 403, 403, 200),
    ("post", f"{PROJECT}members/", 403, 403, 400),
    ("get", f"{PROJECT}members/4711/", 403, 403, 404),
    ("patch", f"{PROJECT}members/4711/", 403, 403, 404),
    ("post", f"{PROJECT}members/4711/erase/", 403, 403, 404),
    ("get", f"{PROJECT}groups/", 403, 403, 200),
    ("post", f"{PROJECT}groups/", 403, 403, 400),
    ("patch", f"{PROJECT}groups/4711/", 403, 403, 404),
    ("delete", f"{PROJECT}groups/4711/", 403, 403, 404),
    ("get", f"{PROJECT}invitations/", 403, 403, 200),
    ("post", f"{PROJECT}invitations/", 403, 403, 400),
    ("delete", f"{PROJECT}invitations/4711/", 403, 403, 404),
]
WORK = [
    ("put", "draft", {"notes": "x"}),
    ("post", "submit", {"client_id": "00000000-0000-4000-8000-000000000001", "ratings": {}, "ranks": {}}),
    ("post", "revise", {"client_id": "00000000-0000-4000-8000-000000000001", "ratings": {}, "ranks": {}}),
    ("get", "", None),
    ("post", "skip", {}),
    ("post", "heartbeat", {}),
]


@pytest.fixture
def cast() -> Cast:
    return make_cast(num_items=3)


def ask(user, method, address, body=None):
    return getattr(api_client(user), method)(address, {} if body is None and method != "get" else body, format="json")


@pytest.mark.parametrize(("method", "address"), [row[:2] for row in ENDPOINTS])
def test_anonymous_gets_401_and_a_stranger_404_as_if_there_was_no_project(cast, method, address):
    anonymous = ask(None, method, address)
    stranger = ask(cast.charlie, method, address)
    nowhere = ask(cast.charlie, method, address.replace("colours", "nowhere"))

    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "not_authenticated")
    assert (stranger.status_code, nowhere.status_code) == (404, 404)
    assert stranger.json()["detail"].replace("colours", "nowhere") == nowhere.json()["detail"]


@pytest.mark.parametrize(("method", "address", "annotator", "researcher", "admin"), ENDPOINTS)
def test_each_role_reaches_what_it_may(cast, method, address, annotator, researcher, admin):
    statuses = [ask(user, method, address).status_code for user in (cast.bob, cast.rita, cast.alice)]

    assert statuses == [annotator, researcher, admin]


@pytest.mark.parametrize(("method", "address"), [row[:2] for row in ENDPOINTS])
def test_member_who_left_is_a_stranger(cast, method, address):
    set_member(project=cast.project, user=cast.dora, role=Role.ANNOTATOR, is_active=False)

    assert ask(cast.dora, method, address).status_code == 404


@pytest.mark.parametrize(("method", "action", "body"), WORK)
def test_assignment_of_somebody_else_is_not_found(cast, method, action, body):
    assignment = claim(cast.project, cast.bob)
    address = f"/api/v1/assignments/{assignment.pk}/{action}".rstrip("/") + "/"

    statuses = {
        name: ask(user, method, address, body).status_code
        for name, user in {
            "anonymous": None,
            "stranger": cast.charlie,
            "other annotator": cast.dora,
            "admin": cast.alice,
            "superuser": make_user("root", is_superuser=True),
        }.items()
    }

    assert statuses == {
        "anonymous": 401,
        "stranger": 404,
        "other annotator": 404,
        "admin": 404,
        "superuser": 404,
    }
    assignment.refresh_from_db()
    assert (assignment.state, assignment.draft) == ("active", {})


@pytest.mark.parametrize(("method", "action", "body"), WORK)
@pytest.mark.parametrize("assignment_id", ["0", "4711", str(2**63), "9" * 40])
def test_unknown_assignment_is_not_found(cast, method, action, body, assignment_id):
    response = ask(cast.bob, method, f"/api/v1/assignments/{assignment_id}/{action}".rstrip("/") + "/", body)

    assert response.status_code == 404


def test_list_of_projects_shows_only_those_with_a_place(cast):
    assert ask(None, "get", "/api/v1/projects/").status_code == 401
    assert [row["slug"] for row in ask(cast.bob, "get", "/api/v1/projects/").json()["results"]] == ["colours"]
    assert [row["slug"] for row in ask(cast.charlie, "get", "/api/v1/projects/").json()["results"]] == ["other-colours"]


def test_superuser_reaches_every_project_as_admin(cast):
    root = make_user("root", is_superuser=True)

    response = ask(root, "get", PROJECT)

    assert (response.status_code, response.json()["role"]) == (200, "admin")
    assert len(ask(root, "get", "/api/v1/projects/").json()["results"]) == 2


def test_wrong_token_is_401(cast):
    client = api_client()
    client.credentials(HTTP_AUTHORIZATION="Token 0123456789")

    response = client.get(PROJECT)

    assert (response.status_code, response.json()["code"]) == (401, "authentication_failed")
    assert response["WWW-Authenticate"] == "Token"
