"""What an annotator sees of the queue."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import claim, judge, make_cast

from labeling.models import State
from labeling.selectors.access import membership_in
from labeling.selectors.queue import QueueCounts, count_open_slots, queue_counts, recent_assignments, sheet
from labeling.services.assignments import save_draft, skip

pytestmark = pytest.mark.django_db


def test_sheet_shows_the_completions_in_the_order_of_the_assignment_and_not_who_wrote_them():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)

    shown = sheet(assignment, membership=membership_in("colours", user=cast.bob))

    assert [completion.id for completion in shown.completions] == assignment.order
    assert {field.name for field in dataclasses.fields(shown.completions[0])} == {"id", "text"}
    assert "policy" not in repr(shown)


@pytest.mark.parametrize("texts", [("a", "b"), tuple("abcdefghi")])
def test_sheet_asks_as_many_queries_for_nine_completions_as_for_two(texts):
    cast = make_cast(texts=texts)
    assignment = claim(cast.project, cast.bob)
    membership = membership_in("colours", user=cast.bob)

    with CaptureQueriesContext(connection) as queries:
        sheet(assignment, membership=membership)

    assert len(queries) == 1


def test_counts_are_of_one_s_own_work_in_one_project():
    cast = make_cast(num_items=4, overlap=2)
    judge(cast.project, cast.bob)
    skip(assignment_id=claim(cast.project, cast.bob).pk, annotator=cast.bob)
    begun = claim(cast.project, cast.bob)
    judge(cast.project, cast.dora)

    assert queue_counts(project_id=cast.project.pk, annotator=cast.bob) == QueueCounts(0, 1, 1)
    save_draft(assignment_id=begun.pk, annotator=cast.bob, draft={"notes": "so far"})
    assert queue_counts(project_id=cast.project.pk, annotator=cast.bob) == QueueCounts(1, 1, 1)
    assert queue_counts(project_id=cast.other_project.pk, annotator=cast.bob) == QueueCounts(0, 0, 0)


def test_recent_work_is_one_s_own_the_latest_first():
    cast = make_cast(num_items=3, overlap=2)
    mine = [judge(cast.project, cast.bob).assignment for _ in range(3)]
    judge(cast.project, cast.dora)

    listed = recent_assignments(project_id=cast.project.pk, annotator=cast.bob, state=State.SUBMITTED)

    assert list(listed) == mine[::-1]


def test_open_slots_are_counted_to_a_limit():
    cast = make_cast(num_items=3, overlap=2)
    judge(cast.project, cast.bob)

    assert count_open_slots(cast.project.pk, at_most=100) == 5
    assert count_open_slots(cast.project.pk, at_most=2) == 2
