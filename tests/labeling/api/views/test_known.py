"""Getting people ready, through the API."""

from __future__ import annotations

import pytest
from factories import api_client, judge, make_cast

from labeling.services.known import NewKnown, add_known, change_settings

pytestmark = pytest.mark.django_db

PATH = "/api/v1/projects/colours/"
NEW = {"prompt": "2 + 2?", "completions": ["4", "5"], "ranks": [1, 2], "explanation": "Count."}


@pytest.fixture
def cast():
    return make_cast(num_items=2)


def test_an_admin_adds_reads_and_puts_away(cast):
    client = api_client(cast.alice)

    made = client.post(f"{PATH}known/", NEW, format="json")
    away = client.patch(f"{PATH}known/{made.data['id']}/", {"is_active": False}, format="json")
    listed = client.get(f"{PATH}known/").data["results"]

    assert made.status_code == 201
    assert sorted(made.data["answer"]["ranks"].values()) == [1, 2]
    assert made.data["explanation"] == "Count."
    assert away.data["is_active"] is False
    assert [row["id"] for row in listed] == [made.data["id"]]
    assert client.get(f"{PATH}known/{made.data['id']}/").data == listed[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ranks": [1, 1]}, "asks nothing"),
        ({"ranks": [1]}, "1 value for 2 completions"),
        ({"completions": ["4", "4"]}, "the same text"),
        ({"ranks": [1, 2], "best": 0}, "make two rows"),
        ({"rank": [1, 2]}, "unknown field"),
    ],
)
def test_what_cannot_mark_anybody_is_refused_with_the_reason(cast, change, reason):
    response = api_client(cast.alice).post(f"{PATH}known/", {**NEW, **change}, format="json")

    assert response.status_code == 400
    assert reason in response.data["detail"]


def test_readiness_is_changed_and_read(cast):
    client = api_client(cast.alice)
    client.post(f"{PATH}known/", NEW, format="json")

    changed = client.patch(f"{PATH}readiness/", {"qualification_items": 1, "known_percent": 5}, format="json")

    assert changed.data == {
        "qualification_items": 1,
        "qualification_mark": 75,
        "qualification_tries": 1,
        "qualification_feedback": False,
        "known_percent": 5,
        "tells_at_once": False,
        "tells_later": 0,
    }
    assert client.get(f"{PATH}readiness/").data == changed.data
    too_many = client.patch(f"{PATH}readiness/", {"qualification_items": 9}, format="json")
    assert (too_many.status_code, "there are 1" in too_many.data["detail"]) == (400, True)


def test_a_program_qualifies_like_a_person(cast):
    new = [NewKnown(messages=f"{n} + 1?", texts=["a", "b", "c"], ranks=[1, 2, 3]) for n in range(2)]
    add_known(project=cast.project, new=new, author=cast.alice)
    change_settings(project=cast.project, changed_by=cast.alice, qualification_items=1, qualification_mark=100)
    bob = api_client(cast.bob)

    sheet = bob.post(f"{PATH}next/").data
    assert "+ 1?" in sheet["prompt"][0]["content"]
    judge(cast.project, cast.bob, ranks=[1, 1, 1])

    assert bob.post(f"{PATH}next/").status_code == 204
    standing = bob.get(f"{PATH}qualification/").data
    assert (standing["is_candidate"], standing["may_try"], standing["tries"][0]["state"]) == (True, False, "failed")
    assert bob.post(f"{PATH}qualification/").status_code == 409

    alice = api_client(cast.alice)
    people = {row["username"]: row for row in alice.get(f"{PATH}readiness/people/").data["results"]}
    assert people["bob"]["last"]["num_asked"] == 3
    assert people["dora"]["last"] is None
    assert alice.post(f"{PATH}readiness/people/{cast.bob.pk}/").status_code == 204
    assert bob.post(f"{PATH}next/").status_code == 200


@pytest.mark.parametrize(("user", "status"), [("bob", 403), ("rita", 403), ("charlie", 404), ("", 401)])
def test_known_answers_are_for_admins_alone(cast, user, status):
    [known] = add_known(
        project=cast.project, new=[NewKnown(messages="x", texts=["a", "b"], ranks=[1, 2])], author=cast.alice
    )
    client = api_client(getattr(cast, user) if user else None)

    for path in ("known/", f"known/{known.pk}/", "readiness/", "readiness/people/"):
        assert client.get(PATH + path).status_code == status, path
    assert client.post(f"{PATH}known/", NEW, format="json").status_code == status
    assert client.patch(f"{PATH}known/{known.pk}/", {"is_active": False}, format="json").status_code == status
    assert client.patch(f"{PATH}readiness/", {"known_percent": 1}, format="json").status_code == status
    assert client.post(f"{PATH}readiness/people/{cast.bob.pk}/").status_code == status


def test_nothing_of_a_project_is_found_through_another(cast):
    [known] = add_known(
        project=cast.project, new=[NewKnown(messages="x", texts=["a", "b"], ranks=[1, 2])], author=cast.alice
    )
    charlie = api_client(cast.charlie)

    assert charlie.get(f"/api/v1/projects/other-colours/known/{known.pk}/").status_code == 404
    assert charlie.post(f"/api/v1/projects/other-colours/readiness/people/{cast.bob.pk}/").status_code == 404
