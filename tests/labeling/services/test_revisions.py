"""Changing one's mind."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from django.db import connection
from factories import a_verdict, claim, end_lease, judge, make_cast, make_item, write

from labeling.errors import Conflict, Invalid, NotFound
from labeling.models import Comparison, Item, Label, Membership, Slot
from labeling.selectors.access import membership_in
from labeling.selectors.revisions import judged_sheet
from labeling.services.assignments import skip
from labeling.services.labels import submit_label
from labeling.services.revisions import revise_label
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db

FIRST = UUID("00000000-0000-4000-8000-000000000001")
SECOND = UUID("00000000-0000-4000-8000-000000000002")


def revise(label, verdict, *, client_id=SECOND):
    return revise_label(
        assignment_id=label.assignment_id, annotator=label.annotator, verdict=verdict, client_id=client_id
    )


def test_the_new_judgement_stands_and_the_old_one_remains_as_it_was():
    cast = make_cast(overlap=2)
    old = judge(cast.project, cast.bob, ranks=(1, 2, 3))
    before = list(Comparison.objects.filter(label=old).values_list("chosen", "rejected", "outcome"))

    revised = revise(old, a_verdict(old.assignment, ranks=(3, 2, 1), seconds=8.0))

    old.refresh_from_db()
    assert revised.created
    assert (old.superseded_by, revised.label.superseded_by) == (revised.label, None)
    assert list(Comparison.objects.filter(label=old).values_list("chosen", "rejected", "outcome")) == before
    assert [rank.rank for rank in revised.label.ranks.order_by("rank")] == [1, 2, 3]
    assert revised.label.ranks.get(rank=1).completion_id == old.assignment.order[2]


def test_a_revision_counts_as_no_second_judgement():
    cast = make_cast(overlap=2)
    old = judge(cast.project, cast.bob)
    Label.objects.update(created=old.created - dt.timedelta(minutes=1))

    revise(old, a_verdict(old.assignment, ranks=(2, 1, 3), seconds=8.0))

    mine = Membership.objects.get(project=cast.project, user=cast.bob)
    assert Item.objects.get().num_judgements == 1
    assert Slot.objects.filter(is_done=True).count() == 1
    assert (mine.num_submitted, mine.num_extra, mine.seconds_worked) == (1, 0, 20.0)


def test_it_can_be_revised_again_and_again():
    cast = make_cast()
    label = judge(cast.project, cast.bob, ranks=(1, 2, 3))
    chain = [label.pk]

    for ranks in ((2, 1, 3), (1, 2, 3), (1, 1, 2)):
        label = revise(label, a_verdict(label.assignment, ranks=ranks), client_id=uuid4()).label
        chain.append(label.pk)

    newer = dict(Label.objects.values_list("pk", "superseded_by"))
    assert [newer[pk] for pk in chain] == [*chain[1:], None]


def test_the_same_client_id_and_the_same_verdict_store_nothing_twice():
    cast = make_cast()
    old = judge(cast.project, cast.bob)
    verdict = a_verdict(old.assignment, ranks=(2, 1, 3))

    first, again = revise(old, verdict), revise(old, verdict)
    unchanged = revise(old, verdict, client_id=uuid4())

    assert (first.created, again.created, unchanged.created) == (True, False, False)
    assert first.label == again.label == unchanged.label
    assert Label.objects.count() == 2


def test_a_client_id_of_another_judgement_is_a_conflict():
    cast = make_cast(num_items=2)
    judge(cast.project, cast.bob, client_id=FIRST)
    old = judge(cast.project, cast.bob)

    with pytest.raises(Conflict, match="belongs to another judgement"):
        revise(old, a_verdict(old.assignment, ranks=(2, 1, 3)), client_id=FIRST)

    assert not Label.objects.filter(superseded_by__isnull=False).exists()


def test_what_was_not_judged_cannot_be_revised():
    cast = make_cast(num_items=2)
    active = claim(cast.project, cast.bob)
    arguments = {"annotator": cast.bob, "verdict": a_verdict(active), "client_id": FIRST}

    with pytest.raises(Conflict, match="this assignment is active"):
        revise_label(assignment_id=active.pk, **arguments)
    skip(assignment_id=active.pk, annotator=cast.bob)
    with pytest.raises(Conflict, match="this assignment is skipped"):
        revise_label(assignment_id=active.pk, **arguments)


def test_nobody_revises_another_person_s_judgement():
    cast = make_cast()
    old = judge(cast.project, cast.bob)

    with pytest.raises(NotFound):
        revise_label(
            assignment_id=old.assignment_id, annotator=cast.dora, verdict=a_verdict(old.assignment), client_id=FIRST
        )


def test_a_wrong_verdict_leaves_the_old_one_standing():
    cast = make_cast()
    old = judge(cast.project, cast.bob)

    with pytest.raises(Invalid):
        revise(old, Verdict(best=old.assignment.order[0]))

    old.refresh_from_db()
    assert old.superseded_by is None


def test_an_extra_judgement_stays_an_extra_one():
    cast = make_cast()
    late = claim(cast.project, cast.bob)
    end_lease(late)
    judge(cast.project, cast.dora)
    old = submit_label(assignment_id=late.pk, annotator=cast.bob, verdict=a_verdict(late), client_id=FIRST).label

    revised = revise(old, a_verdict(late, ranks=(3, 2, 1))).label

    assert (old.is_extra, revised.is_extra) == (True, True)


def test_the_sheet_of_a_judged_item_holds_what_was_decided():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    first, second, third = assignment.order
    verdict = Verdict(
        ratings={first: 6, second: 2, third: 6},
        ranks={first: 1, second: 2, third: 1},
        flags={second: ["violent"]},
        notes="clear",
    )
    judged = submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=FIRST).label

    assert judged.assignment is not None
    shown = judged_sheet(judged.assignment, membership=membership_in("colours", user=cast.bob))

    assert shown.draft == {
        "ratings": {str(first): 6, str(second): 2, str(third): 6},
        "ranks": {str(first): 1, str(second): 2, str(third): 1},
        "flags": {str(second): ["violent"]},
        "notes": "clear",
    }


def test_a_demonstration_is_revised_to_another_text():
    cast = make_cast(num_items=0)
    item = make_item(cast.project, texts=("Red.",), kind="demonstration")
    suggestion = item.entries.get().completion_id
    old = write(cast.project, cast.bob, "Blue.", suggestion=suggestion)

    revised = revise(old, Verdict(text="Azure.", suggestion=suggestion)).label

    shown = judged_sheet(old.assignment, membership=membership_in("colours", user=cast.bob))
    assert (old.demonstration.text, revised.demonstration.text) == ("Blue.", "Azure.")
    assert shown.draft == {"text": "Azure.", "suggestion": suggestion}


@pytest.mark.django_db(transaction=True)
def test_two_revisions_at_once_come_one_after_the_other():
    cast = make_cast()
    old = judge(cast.project, cast.bob)

    def change(ranks):
        try:
            return revise(old, a_verdict(old.assignment, ranks=ranks), client_id=uuid4()).created
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        created = list(pool.map(change, [(2, 1, 3), (3, 2, 1), (1, 1, 1), (2, 2, 1)]))

    assert created == [True] * 4
    assert Label.objects.filter(superseded_by__isnull=True).count() == 1
    assert Label.objects.count() == 5
