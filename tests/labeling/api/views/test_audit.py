"""The audit log through the API."""

from __future__ import annotations

import pytest
from factories import Cast, api_client, make_cast

from labeling.services.audit import record
from labeling.services.projects import update_project

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/projects/colours/audit/"


@pytest.fixture
def cast() -> Cast:
    cast = make_cast(num_items=0)
    update_project(project=cast.project, changed_by=cast.alice, overlap=2)
    return cast


def test_entries_come_with_their_people_and_what_changed(cast):
    newest, *older = api_client(cast.alice).get(ADDRESS).json()["results"]

    assert newest.pop("created")
    assert newest.pop("id")
    assert newest == {
        "actor": "alice",
        "action": "project.settings",
        "person": None,
        "subject": "",
        "before": {"overlap": 1},
        "after": {"overlap": 2},
    }
    assert [(row["action"], row["person"]) for row in older] == [
        ("member.added", "rita"),
        ("member.added", "dora"),
        ("member.added", "bob"),
        ("project.made", None),
    ]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"action": "member.added"}, 3),
        ({"since": "2001-01-01"}, 5),
        ({"until": "2001-01-01"}, 0),
        ({"action": "member.added", "since": "2999-12-31"}, 0),
        ({"until": "9999-12-31"}, 5),
    ],
)
def test_filters_leave_out_the_others(cast, query, count):
    assert len(api_client(cast.alice).get(ADDRESS, query).json()["results"]) == count


def test_a_person_is_found_in_both_parts(cast):
    rows = api_client(cast.alice).get(ADDRESS, {"person": cast.bob.pk}).json()["results"]

    assert [(row["action"], row["person"]) for row in rows] == [("member.added", "bob")]


@pytest.mark.parametrize(
    "query",
    [{"person": "bob"}, {"action": "none"}, {"since": "yesterday"}, {"until": "2026-02-30"}, {"since": "20260101"}],
)
def test_a_filter_that_is_none_is_refused_by_name(cast, query):
    answer = api_client(cast.alice).get(ADDRESS, query)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == list(query)


def test_pages_follow_each_other_by_cursor(cast):
    for number in range(5):
        record(actor=cast.alice, project=cast.project, action="group.made", subject=f"group {number}")

    first = api_client(cast.alice).get(ADDRESS, {"page_size": 3, "action": "group.made"}).json()
    second = api_client(cast.alice).get(first["next"]).json()

    assert [row["subject"] for row in first["results"] + second["results"]] == [f"group {n}" for n in (4, 3, 2, 1, 0)]
    assert second["next"] is None
