"""Members, groups and invitations through the API."""

from __future__ import annotations

import pytest
from factories import Cast, api_client, judge, make_cast, make_user

from labeling.models import User
from labeling.selectors.labels import pseudonym
from labeling.services.groups import make_group
from labeling.services.invitations import make_invitation
from labeling.services.projects import set_member
from labeling.services.tokens import create_token

pytestmark = pytest.mark.django_db

PROJECT = "/api/v1/projects/colours/"


@pytest.fixture
def cast() -> Cast:
    return make_cast(num_items=1)


def send(user, method, address, body=None):
    return getattr(api_client(user), method)(address, body, format="json")


def test_members_are_listed_with_their_places_and_pseudonyms(cast):
    judge(cast.project, cast.bob)

    rows = send(cast.alice, "get", f"{PROJECT}members/").json()["results"]

    assert [(row["username"], row["role"], row["num_submitted"]) for row in rows] == [
        ("alice", "admin", 0),
        ("bob", "annotator", 1),
        ("dora", "annotator", 0),
        ("rita", "researcher", 0),
    ]
    assert rows[1]["pseudonym"] == pseudonym(cast.project.pk, cast.bob.pk)


def test_a_new_account_has_a_password_that_opens_it(cast):
    added = send(cast.alice, "post", f"{PROJECT}members/", {"username": "erin", "role": "annotator"})

    assert added.status_code == 201
    login = {"username": "erin", "password": added.json()["password"]}
    assert send(None, "post", "/api/v1/token/", login).status_code == 200


def test_a_place_is_changed_in_part_and_the_rest_stays(cast):
    group = send(cast.alice, "post", f"{PROJECT}groups/", {"name": "experts"}).json()["id"]
    address = f"{PROJECT}members/{cast.bob.pk}/"

    send(cast.alice, "patch", address, {"group": group, "daily_limit": 5})
    changed = send(cast.alice, "patch", address, {"is_active": False}).json()

    assert (changed["group"], changed["daily_limit"], changed["role"], changed["is_active"]) == (
        group,
        5,
        "annotator",
        False,
    )
    assert send(cast.alice, "patch", address, {"group": None, "is_active": True}).json()["group"] is None


@pytest.mark.parametrize(
    "body",
    [{"role": "king"}, {"daily_limit": -1}, {"daily_limit": "5"}, {"is_active": 1}, {"group": "x"}, {"rôle": 1}, []],
)
def test_a_change_that_is_none_is_refused(cast, body):
    answer = send(cast.alice, "patch", f"{PROJECT}members/{cast.bob.pk}/", body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_the_last_admin_stays(cast):
    answer = send(cast.alice, "patch", f"{PROJECT}members/{cast.alice.pk}/", {"role": "annotator"})

    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")


def test_what_belongs_to_another_project_is_not_there(cast):
    group = make_group(project=cast.other_project, name="theirs")
    link = make_invitation(project=cast.other_project, author=cast.charlie, role="admin").invitation

    statuses = [
        send(cast.alice, "get", f"{PROJECT}members/{cast.charlie.pk}/").status_code,
        send(cast.alice, "patch", f"{PROJECT}members/{cast.charlie.pk}/", {"role": "admin"}).status_code,
        send(cast.alice, "post", f"{PROJECT}members/{cast.charlie.pk}/erase/", {"username": "charlie"}).status_code,
        send(cast.alice, "patch", f"{PROJECT}members/{cast.bob.pk}/", {"group": group.pk}).status_code,
        send(cast.alice, "patch", f"{PROJECT}groups/{group.pk}/", {"name": "mine"}).status_code,
        send(cast.alice, "delete", f"{PROJECT}groups/{group.pk}/").status_code,
        send(cast.alice, "post", f"{PROJECT}invitations/", {"role": "admin", "group": group.pk}).status_code,
        send(cast.alice, "delete", f"{PROJECT}invitations/{link.pk}/").status_code,
    ]

    assert statuses == [404] * 8
    assert User.objects.filter(username="charlie").exists()


def test_groups_are_made_renamed_and_removed(cast):
    made = send(cast.alice, "post", f"{PROJECT}groups/", {"name": "experts"})
    address = f"{PROJECT}groups/{made.json()['id']}/"
    renamed = send(cast.alice, "patch", address, {"name": "masters"})

    assert (made.status_code, renamed.json()["name"]) == (201, "masters")
    assert send(cast.alice, "post", f"{PROJECT}groups/", {"name": "masters"}).status_code == 409
    assert send(cast.alice, "delete", address).status_code == 204
    assert send(cast.alice, "get", f"{PROJECT}groups/").json()["results"] == []


def test_the_token_of_an_invitation_lets_its_number_of_people_in(cast):
    made = send(cast.alice, "post", f"{PROJECT}invitations/", {"role": "annotator", "days": 2}).json()

    joined = send(cast.charlie, "post", "/api/v1/join/", {"token": made["token"]})
    late = send(make_user("frank"), "post", "/api/v1/join/", {"token": made["token"]})

    assert (joined.status_code, joined.json()["slug"], joined.json()["role"]) == (200, "colours", "annotator")
    assert (late.status_code, late.json()["code"]) == (409, "invitation_used")
    [row] = send(cast.alice, "get", f"{PROJECT}invitations/").json()["results"]
    assert (row["num_uses"], row["is_good"], "token" in row) == (1, False, False)


def test_a_revoked_invitation_lets_nobody_in(cast):
    made = send(cast.alice, "post", f"{PROJECT}invitations/", {"role": "annotator"}).json()

    assert send(cast.alice, "delete", f"{PROJECT}invitations/{made['id']}/").status_code == 204
    assert send(cast.alice, "delete", f"{PROJECT}invitations/{made['id']}/").status_code == 204
    answer = send(cast.charlie, "post", "/api/v1/join/", {"token": made["token"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "invitation_revoked")
    assert send(cast.charlie, "post", "/api/v1/join/", {"token": "invented"}).status_code == 404
    assert send(None, "post", "/api/v1/join/", {"token": made["token"]}).status_code == 401


def test_personal_data_are_deleted_once_the_name_is_said(cast):
    address = f"{PROJECT}members/{cast.bob.pk}/erase/"

    wrong = send(cast.alice, "post", address, {"username": "dora"})
    right = send(cast.alice, "post", address, {"username": "bob"})

    assert (wrong.status_code, right.status_code) == (400, 200)
    assert (right.json()["username"], right.json()["is_erased"]) == (f"deleted-{cast.bob.pk}", True)
    assert right.json()["pseudonym"] == pseudonym(cast.project.pk, cast.bob.pk)


def test_a_token_that_only_reads_does_not_read_names(cast):
    _, text = create_token(user=cast.alice, name="figures", scopes=["read"])
    client = api_client()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")

    for part in ("members", "invitations", "audit", "groups"):
        assert client.get(f"{PROJECT}{part}/").json()["code"] == "scope_missing"


def test_fifty_members_take_as_many_queries_as_a_few(cast, django_assert_num_queries):
    client = api_client(cast.alice)
    client.get(f"{PROJECT}members/")
    with django_assert_num_queries(3):
        client.get(f"{PROJECT}members/")
    for number in range(50):
        set_member(project=cast.project, user=make_user(f"person-{number}"), role="annotator")

    with django_assert_num_queries(3):
        client.get(f"{PROJECT}members/")
