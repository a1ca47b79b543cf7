"""What the report on agreement is computed from, over the real services."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import a_verdict, claim, judge, make_cast, make_item, write

from labeling.selectors.quality import own_quality, quality_of, recent_judgements
from labeling.services.labels import submit_label
from labeling.services.revisions import revise_label

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    cache.clear()
    return make_cast(num_items=2, overlap=2)


def by_texts(project, annotator, order):
    """Judge the next item: ranks by the texts, the first of ``order`` best, with a flag on the worst."""
    assignment = claim(project, annotator)
    texts = dict(assignment.item.entries.values_list("completion", "completion__text"))
    ranks = [order.index(texts[pk]) + 1 for pk in assignment.order]
    worst = next(pk for pk in assignment.order if texts[pk] == order[-1])
    verdict = a_verdict(assignment, ranks=ranks, ratings=[8 - 2 * rank for rank in ranks], flags={worst: ["violent"]})
    return submit_label(assignment_id=assignment.pk, annotator=annotator, verdict=verdict, client_id=uuid4()).label


def test_two_people_who_differ_in_one_of_three_comparisons(cast):
    by_texts(cast.project, cast.bob, ["Red.", "Blue.", "Green."])
    by_texts(cast.project, cast.dora, ["Red.", "Green.", "Blue."])

    found = quality_of(cast.project)

    assert (found.judgements, found.shared_items) == (2, 1)
    assert {each.flag: each.share for each in found.flags}["violent"] == pytest.approx(2 / 6)
    # Red 6 and 6, Blue 4 and 2, Green 2 and 4: the share of the longer one, "Green." over "Blue." over "Red.".
    assert found.longer.value == pytest.approx(1 / 6)
    assert [person.annotator for person in found.people] == [cast.bob.pk, cast.dora.pk]
    own = own_quality(cast.project, annotator=cast.dora.pk)
    assert own is not None
    assert own.annotator == cast.dora.pk
    assert own_quality(cast.project, annotator=cast.alice.pk) is None


def test_superseded_judgements_demonstrations_and_other_projects_are_left_out(cast):
    first = by_texts(cast.project, cast.bob, ["Red.", "Blue.", "Green."])
    verdict = a_verdict(first.assignment, ranks=[1, 1, 1])
    revise_label(assignment_id=first.assignment_id, annotator=cast.bob, verdict=verdict, client_id=uuid4())
    make_item(cast.project, prompt="Write.", texts=("Pink.",), kind="demonstration", priority=9)
    write(cast.project, cast.dora, "Mauve.")
    make_item(cast.other_project)
    judge(cast.other_project, cast.charlie)

    [row] = recent_judgements(cast.project)

    assert list(row.ranks.values()) == [1, 1, 1]
    assert row.annotator == cast.bob.pk
    assert set(row.order) == set(row.ranks)


def test_the_last_judgements_only_in_three_queries(cast):
    by_texts(cast.project, cast.bob, ["Red.", "Blue.", "Green."])
    last = by_texts(cast.project, cast.bob, ["Blue.", "Red.", "Green."])

    with CaptureQueriesContext(
        connection,
    ) as queries:
        rows = recent_judgements(cast.project, last=1)

    assert [row.item for row in rows] == [last.item_id]
    assert len(queries) == 3


def test_a_report_is_kept_for_a_minute(cast):
    assert quality_of(cast.project).judgements == 0
    by_texts(cast.project, cast.bob, ["Red.", "Blue.", "Green."])

    assert quality_of(cast.project).judgements == 0
    cache.clear()
    assert quality_of(cast.project).judgements == 1
