"""Recording judgements."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db import connection
from factories import a_verdict, claim, end_lease, judge, make_cast, make_item, write

from labeling.errors import Conflict, Invalid
from labeling.models import (
    Assignment,
    Comparison,
    Completion,
    Item,
    Label,
    Membership,
    Rank,
    Rating,
    Role,
    Slot,
    State,
)
from labeling.services.assignments import save_draft, skip
from labeling.services.labels import expand_ranks, submit_and_claim, submit_label
from labeling.services.projects import set_member
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db

FIRST = UUID("00000000-0000-4000-8000-000000000001")
SECOND = UUID("00000000-0000-4000-8000-000000000002")


def submit(assignment, verdict=None, *, client_id=FIRST):
    return submit_label(
        assignment_id=assignment.pk,
        annotator=assignment.annotator,
        verdict=verdict or a_verdict(assignment),
        client_id=client_id,
    )


def test_submit_stores_ratings_flags_ranks_and_notes():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    first, second, third = assignment.order
    verdict = Verdict(
        ratings={first: 6, second: 2, third: 6},
        ranks={first: 1, second: 2, third: 1},
        flags={second: ["violent", "opinion"]},
        notes="red & blue 🎨",
        seconds=41.5,
    )

    label = submit(assignment, verdict).label

    stored = {row.completion_id: (row.value, row.flags) for row in Rating.objects.filter(label=label)}
    assert stored == {first: (6, []), second: (2, ["opinion", "violent"]), third: (6, [])}
    assert dict(Rank.objects.filter(label=label).values_list("completion", "rank")) == {first: 1, second: 2, third: 1}
    assert (label.notes, label.seconds, label.is_extra) == ("red & blue 🎨", 41.5, False)


def test_submit_closes_slot_item_and_assignment_and_counts_the_work():
    cast = make_cast(num_items=2)
    assignment = claim(cast.project, cast.bob)
    save_draft(assignment_id=assignment.pk, annotator=cast.bob, draft={"notes": "soon"})

    submit(assignment)

    assignment.refresh_from_db()
    mine = Membership.objects.get(project=cast.project, user=cast.bob)
    neighbour = Membership.objects.get(project=cast.project, user=cast.dora)
    assert (assignment.state, assignment.draft) == (State.SUBMITTED, {})
    assert [slot.is_done for slot in Slot.objects.order_by("id")] == [True, False]
    assert [item.num_judgements for item in Item.objects.order_by("id")] == [1, 0]
    assert (mine.num_submitted, mine.num_extra, mine.seconds_worked) == (1, 0, 12.0)
    assert (neighbour.num_submitted, neighbour.seconds_worked) == (0, 0.0)


def test_ranking_with_a_tie_becomes_its_three_comparisons():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    a, b, c = sorted(assignment.order)

    label = submit(assignment, Verdict(ratings=dict.fromkeys((a, b, c), 4), ranks={a: 2, b: 1, c: 2})).label

    rows = Comparison.objects.filter(label=label).order_by("id")
    assert list(rows.values_list("chosen", "rejected", "outcome")) == [(b, a, "win"), (a, c, "tie"), (b, c, "win")]
    assert list(rows.values_list("weight", flat=True)) == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize(("count", "pairs"), [(2, 1), (4, 6), (9, 36)])
def test_ranking_of_k_has_c_k_2_comparisons_whose_weights_sum_to_one(count, pairs):
    comparisons = expand_ranks(label=5, ranks={number: number for number in range(1, count + 1)})

    assert len(comparisons) == pairs
    assert sum(weight for *_, weight in comparisons) == pytest.approx(1.0)
    assert all(
        (label, outcome) == (5, "win") and chosen < rejected for label, chosen, rejected, outcome, _ in comparisons
    )


def test_same_client_id_returns_the_first_label():
    cast = make_cast(num_items=2)
    assignment = claim(cast.project, cast.bob)

    first = submit(assignment)
    second = submit(assignment)

    assert (first.created, second.created) == (True, False)
    assert second.label == first.label
    assert Label.objects.count() == 1
    assert Membership.objects.get(project=cast.project, user=cast.bob).num_submitted == 1


def test_retry_that_took_longer_is_the_same_judgement():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)

    submit(assignment, a_verdict(assignment, seconds=10.0))
    again = submit(assignment, a_verdict(assignment, seconds=99.0))

    assert not again.created
    assert again.label.seconds == 10.0


def test_other_client_id_for_a_judged_assignment_is_a_conflict():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    submit(assignment)

    with pytest.raises(Conflict) as refused:
        submit(assignment, client_id=SECOND)

    assert refused.value.code == "already_judged"
    assert Label.objects.count() == 1


def test_same_client_id_with_another_judgement_is_a_conflict_and_the_first_stands():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    submit(assignment, a_verdict(assignment, ratings=[7, 6, 5]))

    with pytest.raises(Conflict):
        submit(assignment, a_verdict(assignment, ratings=[1, 6, 5]))

    assert list(Rating.objects.order_by("value").values_list("value", flat=True)) == [5, 6, 7]


def test_client_id_of_another_assignment_is_a_conflict():
    cast = make_cast(num_items=2)
    judge(cast.project, cast.dora, client_id=FIRST)
    assignment = claim(cast.project, cast.bob)

    with pytest.raises(Conflict) as refused:
        submit(assignment)

    assert refused.value.code == "client_id_used"


def test_skipped_assignment_cannot_be_judged():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    skip(assignment_id=assignment.pk, annotator=cast.bob)

    with pytest.raises(Conflict) as refused:
        submit(assignment)

    assert refused.value.code == "skipped"


def test_submit_after_the_lease_still_counts_when_nobody_took_the_slot():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    end_lease(assignment)

    label = submit(assignment).label

    assert not label.is_extra
    assert Item.objects.get().num_judgements == 1


def test_submit_after_the_slot_went_to_somebody_else_is_kept_as_extra():
    cast = make_cast()
    late = claim(cast.project, cast.bob)
    end_lease(late)
    judge(cast.project, cast.dora)

    label = submit(late).label

    mine = Membership.objects.get(project=cast.project, user=cast.bob)
    assert label.is_extra
    assert Item.objects.get().num_judgements == 1
    assert (mine.num_submitted, mine.num_extra) == (0, 1)
    assert Comparison.objects.filter(label=label).count() == 3


def test_late_submit_does_not_take_the_slot_that_somebody_works_on():
    cast = make_cast()
    late = claim(cast.project, cast.bob)
    end_lease(late)
    taken = claim(cast.project, cast.dora)

    extra = submit(late).label
    counted = submit(taken, client_id=SECOND).label

    assert (extra.is_extra, counted.is_extra) == (True, False)


def test_refused_verdict_leaves_everything_as_it_was():
    cast = make_cast()
    assignment = claim(cast.project, cast.bob)
    verdict = a_verdict(assignment, ranks=[1, 3, 3])

    with pytest.raises(Invalid, match="nothing has rank 2"):
        submit(assignment, verdict)

    assignment.refresh_from_db()
    assert assignment.state == State.ACTIVE
    assert not Label.objects.exists()
    assert not Slot.objects.get().is_done


def test_a_pair_is_stored_with_its_strength_and_one_comparison():
    cast = make_cast(num_items=0)
    make_item(cast.project, texts=("Red.", "Blue."), kind="pair")
    assignment = claim(cast.project, cast.bob)
    first, second = assignment.order

    label = submit(assignment, Verdict(ranks={first: 2, second: 1}, strength=2)).label

    comparison = Comparison.objects.get(label=label)
    assert (label.kind, label.strength) == ("pair", 2)
    assert (comparison.chosen_id, comparison.rejected_id, comparison.outcome, comparison.weight) == (
        second,
        first,
        "win",
        1.0,
    )


def test_ratings_alone_and_a_pick_give_no_comparisons():
    cast = make_cast(num_items=0)
    make_item(cast.project, kind="rating", priority=1)
    make_item(cast.project, prompt="And another?", kind="best")
    rated = claim(cast.project, cast.bob)
    ratings = dict(zip(rated.order, (7, 1, 4), strict=True))

    submit(rated, Verdict(ratings=ratings))
    picked = claim(cast.project, cast.bob)
    label = submit(picked, Verdict(best=picked.order[2]), client_id=SECOND).label

    assert dict(Rating.objects.values_list("completion", "value")) == ratings
    assert (label.kind, label.best_id) == ("best", picked.order[2])
    assert not Comparison.objects.exists()


def test_a_demonstration_becomes_a_completion_of_its_author():
    cast = make_cast(num_items=0)
    item = make_item(cast.project, texts=("Red.",), kind="demonstration", overlap=2)
    [suggestion] = item.entries.values_list("completion", flat=True)

    by_bob = write(cast.project, cast.bob, "Red, like a rose.", suggestion=suggestion)
    by_dora = write(cast.project, cast.dora, "Red, like a rose.")

    written = by_bob.demonstration
    assert written is not None
    assert (written.prompt_id, written.text, written.origin, written.author) == (
        item.prompt_id,
        "Red, like a rose.",
        "person",
        cast.bob,
    )
    assert (by_bob.suggestion_id, by_dora.suggestion_id) == (suggestion, None)
    assert by_dora.demonstration_id != written.pk


def test_a_demonstration_needs_no_suggestions():
    cast = make_cast(num_items=0)
    make_item(cast.project, texts=(), kind="demonstration")

    label = write(cast.project, cast.bob, "Blue.")

    assert label.demonstration is not None


def test_a_judgement_of_another_kind_is_refused_and_nothing_is_stored():
    cast = make_cast(num_items=0)
    make_item(cast.project, kind="best")
    assignment = claim(cast.project, cast.bob)

    with pytest.raises(Invalid, match="ratings is not part of a judgement of kind best"):
        submit(assignment)

    assert not Label.objects.exists()
    assert not Slot.objects.get().is_done


def test_submit_and_claim_stores_and_serves_in_one():
    cast = make_cast(num_items=2)
    first = claim(cast.project, cast.bob)

    submitted, served = submit_and_claim(
        assignment_id=first.pk, annotator=cast.bob, verdict=a_verdict(first), client_id=uuid4()
    )

    assert submitted.created
    assert served is not None
    assert served.assignment.item == cast.items[1]
    assert (served.shown.progress.done, served.shown.progress.mine) == (1, 1)
    texts = {each.pk: each.text for each in Completion.objects.all()}
    assert served.shown.texts == [texts[pk] for pk in served.assignment.order]


def test_submit_and_claim_counts_the_judgement_into_the_day_before_it_serves():
    cast = make_cast(num_items=2)
    set_member(project=cast.project, user=cast.bob, role=Role.ANNOTATOR, daily_limit=1)
    first = claim(cast.project, cast.bob)

    _, served = submit_and_claim(
        assignment_id=first.pk, annotator=cast.bob, verdict=a_verdict(first), client_id=uuid4()
    )

    assert served is None
    assert Assignment.objects.count() == 1


def test_what_keeps_the_next_item_away_does_not_keep_the_judgement_from_being_stored(caplog):
    cast = make_cast(num_items=2)
    first = claim(cast.project, cast.bob)
    with connection.cursor() as cursor:  # the transaction of the test takes it back
        cursor.execute(
            """
            CREATE FUNCTION nothing_new() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
            CREATE TRIGGER nothing_new BEFORE INSERT ON labeling_assignment EXECUTE FUNCTION nothing_new();
            """
        )

    submitted, served = submit_and_claim(
        assignment_id=first.pk, annotator=cast.bob, verdict=a_verdict(first), client_id=uuid4()
    )

    assert (submitted.created, served) == (True, None)
    assert Label.objects.get().assignment == first
    assert "no room" in caplog.text
