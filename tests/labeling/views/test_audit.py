from __future__ import annotations

import pytest
from django.test import Client

from labeling.models import AuditEntry
from labeling.services.audit import record
from labeling.services.guidelines import write_guidelines
from labeling.services.projects import set_member, update_project

PATH = "/p/colours/audit/"


def rows(answer) -> list[tuple[str | None, str, str | None]]:
    """Who, what and whom."""
    return [
        (str(entry.actor) if entry.actor else None, entry.action, str(entry.person) if entry.person else None)
        for entry, _said, _changes in answer.context["entries"]
    ]


@pytest.fixture
def used(cast):
    """The log holds four members, a changed setting, guidelines, and a changed role, in this order."""
    update_project(project=cast.project, changed_by=cast.alice, overlap=2)
    write_guidelines(project=cast.project, author=cast.alice, text="Be kind.", change="All of it.")
    set_member(project=cast.project, user=cast.bob, role="reviewer", changed_by=cast.alice)
    return cast


def test_admins_read_who_changed_what_the_newest_first(used, signed_in):
    answer = signed_in(used.alice).get(PATH)

    assert rows(answer)[:3] == [
        ("alice", "member.changed", "bob"),
        ("alice", "guidelines.written", None),
        ("alice", "project.settings", None),
    ]
    page = answer.content.decode()
    assert '<code>overlap</code> <del dir="auto">1</del> → <ins dir="auto">2</ins>' in page
    assert '<del dir="auto">annotator</del> → <ins dir="auto">reviewer</ins>' in page


def test_saving_what_is_there_already_is_no_change(used, signed_in):
    before = AuditEntry.objects.count()

    update_project(project=used.project, changed_by=used.alice, overlap=2)
    write_guidelines(project=used.project, author=used.alice, text="Be kind.")
    set_member(project=used.project, user=used.bob, role="reviewer", changed_by=used.alice)

    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ({"action": "project.settings"}, ["project.settings"]),
        ({"until": "2001-01-01"}, []),
        ({"since": "2001-01-01", "action": "guidelines.written"}, ["guidelines.written"]),
        ({"since": "2999-01-01"}, []),
    ],
)
def test_the_log_is_filtered_by_action_and_days(used, signed_in, query, actions):
    answer = signed_in(used.alice).get(PATH, query)

    assert [action for _, action, _ in rows(answer)] == actions


def test_a_person_is_found_as_who_did_it_and_as_whom_it_is_about(used, signed_in):
    record(actor=used.bob, project=used.project, action="group.made", subject="group 1")

    answer = signed_in(used.alice).get(PATH, {"person": used.bob.pk})

    assert rows(answer) == [
        ("bob", "group.made", None),
        ("alice", "member.changed", "bob"),
        (None, "member.added", "bob"),
    ]


@pytest.mark.parametrize("query", ["person=x", "person=0", "action=none", "since=1.1.", "before=x", "before=0"])
def test_a_filter_that_is_none_is_refused(used, signed_in, query):
    answer = signed_in(used.alice).get(f"{PATH}?{query}")

    assert answer.status_code == 422


def test_pages_lead_to_older_entries_and_back_with_the_filter_kept(used, signed_in):
    for number in range(120):
        record(actor=used.alice, project=used.project, action="group.made", subject=f"group {number}")
    client = signed_in(used.alice)

    first = client.get(PATH, {"action": "group.made"})
    second = client.get(f"{PATH}?{first.context['older']}")
    third = client.get(f"{PATH}?{second.context['older']}")

    seen = [entry.subject for answer in (first, second, third) for entry, _, _ in answer.context["entries"]]
    assert seen == [f"group {number}" for number in range(119, -1, -1)]
    assert "older" not in third.context
    assert third.context["newest"] == "action=group.made"


def test_the_page_asks_as_many_queries_for_fifty_entries_as_for_a_few(used, signed_in, django_assert_num_queries):
    client = signed_in(used.alice)
    with django_assert_num_queries(4):
        client.get(PATH)
    for number in range(50):
        record(actor=used.alice, project=used.project, action="member.changed", subject=used.bob, after={"n": number})

    with django_assert_num_queries(4):
        client.get(PATH)


def test_nobody_but_admins_of_the_project_sees_it(used, signed_in):
    statuses = [signed_in(user).get(PATH).status_code for user in (used.bob, used.rita, used.charlie)]

    assert statuses == [403, 403, 404]
    assert Client().get(PATH)["Location"].startswith("/login/")


def test_entries_of_another_project_are_not_shown(used, signed_in):
    record(actor=used.charlie, project=used.other_project, action="group.made", subject="theirs")

    assert "theirs" not in signed_in(used.alice).get(PATH).content.decode()


def test_values_are_shown_as_people_read_them(cast, signed_in):
    after = {"is_paused": True, "kinds": ["pair", "best"], "own_flags": [], "group": None, "name": "Colours"}
    record(actor=cast.alice, project=cast.project, action="project.settings", before={"group": "experts"}, after=after)

    answer = signed_in(cast.alice).get(PATH)

    [_, _, changes] = answer.context["entries"][0]
    assert sorted(changes) == [
        ("group", "experts", "–"),
        ("is_paused", "", "yes"),
        ("kinds", "", "pair, best"),
        ("name", "", "Colours"),
    ]
