"""Projects by API."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import api_client, claim, judge, make_cast, make_user

from labeling.models import Item, Membership, Project
from labeling.services.projects import create_project

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/projects/"


def test_creator_becomes_the_admin():
    zoe = make_user("zoe")

    response = api_client(zoe).post(ADDRESS, {"slug": "new", "completions_per_item": 5, "flags": []}, format="json")

    assert response.status_code == 201
    body = response.json()
    created = body.pop("created")
    assert created
    assert body == {
        "slug": "new",
        "name": "new",
        "role": "admin",
        "guidelines": "",
        "guidelines_version": None,
        "completions_per_item": 5,
        "overlap": 1,
        "lease_minutes": 30,
        "held_out_percent": 10,
        "flags": [],
        "own_flags": [],
        "kinds": ["ranking"],
        "conversation_turns": 4,
        "conversation_sides": "user",
        "conversation_opening": "prompt",
        "daily_limit": None,
        "second_factor_roles": [],
        "is_paused": False,
        "is_archived": False,
        "progress": {"done": 0, "total": 0},
    }
    assert Membership.objects.get(project__slug="new", user=zoe).role == "admin"


def test_taken_slug_is_a_conflict():
    cast = make_cast()

    response = api_client(cast.charlie).post(ADDRESS, {"slug": "colours"}, format="json")

    assert (response.status_code, response.json()["code"]) == (409, "slug_taken")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "slug"),
        ({"slug": "Upper"}, "slug"),
        ({"slug": "a b"}, "slug"),
        ({"slug": "line\n"}, "slug"),
        ({"slug": "nul\x00"}, "slug"),
        ({"slug": "x" * 51}, "slug"),
        ({"slug": "new", "name": ""}, "name"),
        ({"slug": "new", "name": 3}, "name"),
        ({"slug": "new", "guidelines": "\x00"}, "guidelines"),
        ({"slug": "new", "guidelines": "\ud800"}, "guidelines"),
        ({"slug": "new", "completions_per_item": 1}, "completions_per_item"),
        ({"slug": "new", "completions_per_item": 10}, "completions_per_item"),
        ({"slug": "new", "completions_per_item": "4"}, "completions_per_item"),
        ({"slug": "new", "overlap": 0}, "overlap"),
        ({"slug": "new", "overlap": True}, "overlap"),
        ({"slug": "new", "overlap": 1.5}, "overlap"),
        ({"slug": "new", "overlap": 10**30}, "overlap"),
        ({"slug": "new", "lease_minutes": 1441}, "lease_minutes"),
        ({"slug": "new", "held_out_percent": 51}, "held_out_percent"),
        ({"slug": "new", "held_out_percent": None}, "held_out_percent"),
        ({"slug": "new", "flags": "violent"}, "flags"),
        ({"slug": "new", "is_paused": "yes"}, "is_paused"),
        ({"slug": "new", "overlaps": 2}, "overlaps"),
    ],
)
def test_wrong_value_is_refused_with_the_name_of_its_field(body, field):
    response = api_client(make_user("zoe")).post(ADDRESS, json.dumps(body), content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert list(response.json()["fields"]) == [field]
    assert field in response.json()["detail"]
    assert not Project.objects.exists()


def test_change_keeps_what_it_does_not_name():
    cast = make_cast(overlap=2)

    response = api_client(cast.alice).patch(f"{ADDRESS}colours/", {"is_paused": True}, format="json")

    assert (response.status_code, response.json()["is_paused"], response.json()["overlap"]) == (200, True, 2)
    assert Project.objects.get(slug="colours").is_paused
    assert not Project.objects.get(slug="other-colours").is_paused


def test_change_of_the_slug_is_refused():
    cast = make_cast()

    response = api_client(cast.alice).patch(f"{ADDRESS}colours/", {"slug": "hues"}, format="json")

    assert response.status_code == 400
    assert "slug" in response.json()["fields"]


def test_progress_and_role_are_one_s_own():
    cast = make_cast(num_items=3)
    judge(cast.project, cast.bob)

    [row] = api_client(cast.rita).get(ADDRESS).json()["results"]

    assert (row["role"], row["progress"]) == ("researcher", {"done": 1, "total": 3})


def test_list_asks_as_many_queries_for_three_projects_as_for_one():
    zoe = make_user("zoe")
    client = api_client(zoe)
    counts = []
    for number in range(1, 4):
        create_project(slug=f"project-{number}", creator=zoe)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(client.get(ADDRESS).json()["results"]) == number
        counts.append(len(queries))

    assert counts[0] == counts[2] == 5  # token, projects, guidelines, roles, sums


def test_pages_follow_each_other_and_come_back():
    zoe = make_user("zoe")
    for number in range(5):
        create_project(slug=f"project-{number}", creator=zoe)
    client = api_client(zoe)

    first = client.get(f"{ADDRESS}?page_size=2").json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    back = client.get(third["previous"]).json()

    assert [[row["slug"][-1] for row in page["results"]] for page in (first, second, third, back)] == [
        ["0", "1"],
        ["2", "3"],
        ["4"],
        ["2", "3"],
    ]
    assert (first["previous"], third["next"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("cursor=x", "cursor"),
        ("cursor=cD1hYmM%3D", "cursor"),  # p=abc
        ("cursor=cD0lMDA%3D", "cursor"),  # p=%00
        ("cursor=%C3%A9", "cursor"),
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("page_size=ten", "page_size"),
        ("page_size=%00", "page_size"),
        ("owner=me", "owner"),
        ("format=json", "format"),
        ("page_size=2&page_size=3", "page_size"),
    ],
)
def test_query_that_is_not_understood_is_refused_by_name(query, field):
    response = api_client(make_user("zoe")).get(f"{ADDRESS}?{query}")

    assert response.status_code == 400
    assert list(response.json()["fields"]) == [field]


def test_flags_are_chosen_ordered_and_made():
    cast = make_cast(num_items=1)
    admin = api_client(cast.alice)
    own = {"code": "rude", "label": "Is rude", "is_harmful": True}

    made = admin.patch(f"{ADDRESS}colours/", {"flags": ["rude", "opinion"], "own_flags": [own]}, format="json")
    unknown = admin.patch(f"{ADDRESS}colours/", {"flags": ["gore"]}, format="json")
    lost = admin.patch(f"{ADDRESS}colours/", {"own_flags": [], "flags": []}, format="json")
    sheet = api_client(cast.bob).post(f"{ADDRESS}colours/next/").json()

    assert made.status_code == 200
    assert (made.json()["flags"], made.json()["own_flags"]) == (["rude", "opinion"], [{**own, "key": ""}])
    assert (unknown.status_code, lost.status_code) == (400, 400)
    assert "there is no flag 'gore'" in unknown.json()["detail"]
    assert sheet["flags"] == ["rude", "opinion"]


def test_change_with_the_etag_of_other_settings_is_refused_and_changes_nothing():
    cast = make_cast(num_items=2)
    first, second = api_client(cast.alice), api_client(cast.alice)
    seen = first.get(f"{ADDRESS}colours/")["ETag"]
    judge(cast.project, cast.bob)  # progress is no setting

    mine = first.patch(f"{ADDRESS}colours/", {"overlap": 2}, format="json", headers={"If-Match": seen})
    late = second.patch(f"{ADDRESS}colours/", {"overlap": 3}, format="json", headers={"If-Match": seen})
    again = second.patch(f"{ADDRESS}colours/", {"overlap": 3}, format="json", headers={"If-Match": mine["ETag"]})
    wrong = second.patch(f"{ADDRESS}colours/", {"overlap": 3}, format="json", headers={"If-Match": "x"})

    assert [reply.status_code for reply in (mine, late, again, wrong)] == [200, 412, 200, 400]
    assert (late.json()["code"], "meanwhile" in late.json()["detail"]) == ("stale", True)
    assert first.get(f"{ADDRESS}colours/", headers={"If-None-Match": again["ETag"]}).status_code == 304
    assert first.get(f"{ADDRESS}colours/", headers={"If-None-Match": seen}).status_code == 200


def test_effects_are_told_and_nothing_is_changed():
    cast = make_cast(num_items=3, overlap=2)
    claim(cast.project, cast.bob)
    body = {"overlap": 3, "name": "Hues", "lease_minutes": 30, "is_paused": True, "held_out_percent": 20}

    told = api_client(cast.alice).post(f"{ADDRESS}colours/effects/", body, format="json")

    effects = {effect["setting"]: effect for effect in told.json()["effects"]}
    assert set(effects) == {"overlap", "is_paused", "held_out_percent"}
    assert effects["overlap"]["text"] == "3 open items keep the overlap 2; new ones get 3."
    assert effects["overlap"]["choice"] == "Give open items the overlap 3, too. 3 more judgements are asked for."
    assert effects["is_paused"]["text"] == "1 item is held now and can be finished; no other is handed out."
    assert "of 3 prompts are held out, and all stay on their side" in effects["held_out_percent"]["text"]
    assert Project.objects.get(slug="colours").overlap == 2


def test_change_is_applied_to_open_items_when_asked():
    cast = make_cast(num_items=3, overlap=2)

    changed = api_client(cast.alice).patch(
        f"{ADDRESS}colours/", {"overlap": 3, "apply_to_open_items": True}, format="json"
    )

    assert changed.json()["progress"]["total"] == 9
    assert set(Item.objects.filter(project=cast.project).values_list("overlap", flat=True)) == {3}


def test_project_is_copied_archived_and_restored():
    cast = make_cast(num_items=3)
    admin = api_client(cast.alice)

    made = admin.post(f"{ADDRESS}colours/clone/", {"slug": "hues", "with_prompts": True}, format="json")
    archived = admin.post(f"{ADDRESS}colours/archive/")
    changed = admin.patch(f"{ADDRESS}colours/", {"overlap": 2}, format="json")
    restored = admin.post(f"{ADDRESS}colours/restore/")

    assert (made.status_code, made.json()["name"], made.json()["progress"]["total"]) == (201, "Colours", 0)
    assert len(admin.get(f"{ADDRESS}hues/prompts/").json()["results"]) == 3
    assert (archived.json()["is_archived"], archived.json()["is_paused"]) == (True, True)
    assert (changed.status_code, changed.json()["code"]) == (409, "project_archived")
    assert (restored.json()["is_archived"], restored.json()["is_paused"]) == (False, True)


@pytest.mark.parametrize("action", ["effects", "clone", "archive", "restore"])
def test_only_admins_of_the_project_reach_what_changes_it(action):
    cast = make_cast()
    address = f"{ADDRESS}colours/{action}/"

    statuses = [
        api_client(user).post(address, {}, format="json").status_code
        for user in (cast.bob, cast.rita, cast.charlie, None)
    ]

    assert statuses == [403, 403, 404, 401]
    assert not Project.objects.get(slug="colours").is_archived
