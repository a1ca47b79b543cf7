"""Changing one's mind about a turn of a conversation that is over: services/revisions.py."""

from __future__ import annotations

from uuid import uuid4

import pytest
from factories import judge, make_cast
from talking import converse, decide, offer, speak

from labeling.errors import Conflict, Invalid, NotAllowed, NotFound
from labeling.models import Comparison, Completion, Label, Membership, Turn
from labeling.selectors.access import membership_in
from labeling.selectors.revisions import judged_before, judged_sheet, revision_of
from labeling.services.conversations import finish
from labeling.services.revisions import revise_label, save_revision_draft
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db

COLOURS = ("Red.", "Blue.", "Green.")


@pytest.fixture
def cast():
    return make_cast(num_items=0)


@pytest.fixture
def talk(cast):
    """A conversation of two turns that is over; at the second one bob wrote what carried on."""
    begun = converse(cast.project, cast.bob, texts=COLOURS)
    decide(begun, shown=begun.order, notes="at first")
    turn = offer(speak(begun, "And another?"), "Yellow.", "Pink.")
    decide(begun, number=2, ranks={turn.order[0]: 1, turn.order[1]: 2}, text="Mauve, rather.", suggestion=turn.order[0])
    return finish(assignment_id=begun.pk, annotator=cast.bob)


def revise(assignment, number, *, client_id=None, revises=None, **verdict):
    return revise_label(
        assignment_id=assignment.pk,
        annotator=assignment.annotator,
        verdict=Verdict(**verdict),
        client_id=client_id or uuid4(),
        revises=revises,
        turn=number,
    )


def test_the_new_judgement_stands_and_what_carried_on_stays(cast, talk):
    first, second, third = talk.order
    old = Label.objects.get(turn__number=1)
    before = list(Comparison.objects.filter(label=old).values_list("chosen", "rejected"))
    other = Label.objects.get(turn__number=2)

    revised = revise(talk, 1, ranks={first: 2, second: 1, third: 1}, flags={first: ["opinion"]}, notes="now").label

    old.refresh_from_db()
    assert (old.superseded_by, old.notes) == (revised, "at first")
    assert list(Comparison.objects.filter(label=old).values_list("chosen", "rejected")) == before
    assert dict(revised.ranks.values_list("completion", "rank")) == {first: 2, second: 1, third: 1}
    assert (revised.item, revised.kind, revised.turn, revised.notes) == (old.item, "conversation", old.turn, "now")
    assert revised.ratings.get().flags == ["opinion"]
    assert Turn.objects.get(assignment=talk, number=1).carried_id == first
    said = Turn.objects.get(assignment=talk, number=2).prompt.messages[1]["content"]
    assert said == Completion.objects.get(pk=first).text
    other.refresh_from_db()
    assert other.superseded_by is None
    assert Membership.objects.get(user=cast.bob, project=cast.project).num_submitted == 1


def test_a_text_that_was_written_stays_above_all_others(talk):
    turn = Turn.objects.get(assignment=talk, number=2)
    yellow, pink = turn.order

    label = revise(talk, 2, ranks={yellow: 2, pink: 1}).label

    assert dict(label.ranks.values_list("completion__text", "rank")) == {
        "Mauve, rather.": 1,
        Completion.objects.get(pk=yellow).text: 3,
        Completion.objects.get(pk=pink).text: 2,
    }
    assert (label.demonstration.text, label.suggestion_id) == ("Mauve, rather.", yellow)


def test_the_same_again_changes_nothing_and_a_retry_is_stored_once(talk):
    first, second, third = talk.order
    once = uuid4()

    same = revise(talk, 1, ranks={first: 1, second: 2, third: 3}, notes="at first")
    changed = [revise(talk, 1, ranks={first: 1, second: 1, third: 1}, client_id=once) for _ in range(2)]

    assert (same.created, same.label.pk) == (False, changed[0].label.supersedes.pk)
    assert [each.created for each in changed] == [True, False]
    assert Label.objects.count() == 3


def test_what_is_wrong_is_refused_and_nothing_changes(cast, talk):
    first, second, third = talk.order
    standing = Label.objects.get(turn__number=1).pk
    used = Label.objects.get(turn__number=2).client_id

    with pytest.raises(Invalid):
        revise(talk, 1, ranks={first: 1, second: 2})
    with pytest.raises(Invalid):
        revise(talk, 1, ranks={first: 1, second: 3, third: 3})
    with pytest.raises(NotFound, match="turn 3"):
        revise(talk, 3, ranks={first: 1})
    with pytest.raises(Conflict, match="meanwhile"):
        revise(talk, 1, ranks={first: 3, second: 2, third: 1}, revises=standing + 1000)
    with pytest.raises(Conflict):
        revise(talk, 1, ranks={first: 3, second: 2, third: 1}, client_id=used)
    with pytest.raises(Conflict, match="name the turn"):
        revise(talk, None, ranks={first: 3, second: 2, third: 1})
    with pytest.raises((NotFound, NotAllowed)):
        revise_label(assignment_id=talk.pk, annotator=cast.dora, verdict=Verdict(notes="x"), client_id=uuid4(), turn=1)

    assert Label.objects.filter(superseded_by__isnull=False).count() == 0
    assert Label.objects.count() == 2


def test_a_conversation_that_goes_on_is_not_revised_and_other_kinds_have_no_turns():
    cast = make_cast(num_items=1)
    label = judge(cast.project, cast.bob)
    begun = converse(cast.project, cast.bob, texts=COLOURS)
    decide(begun, shown=begun.order)

    with pytest.raises(Conflict, match="no judgement to revise"):
        revise(begun, 1, ranks=dict.fromkeys(begun.order, 1))
    with pytest.raises(NotFound, match="turn 1"):
        revise(label.assignment, 1, notes="x")


def test_the_sheet_of_a_turn_holds_its_judgement_and_changes_that_were_begun(cast, talk):
    membership = membership_in("colours", user=cast.bob)
    first, second, third = talk.order
    label = Label.objects.get(turn__number=1)

    sheet = judged_sheet(talk, membership=membership, turn=2)
    save_revision_draft(
        assignment_id=talk.pk,
        annotator=cast.bob,
        revises=label.pk,
        turn=1,
        draft={"ranks": {str(first): 2}, "step": "revise-1"},
    )
    talk.refresh_from_db()
    begun = revision_of(talk, membership=membership, turn=1)
    other = revision_of(talk, membership=membership, turn=2)

    yellow, pink = Turn.objects.get(assignment=talk, number=2).order
    assert sheet.draft["ranks"] == {str(yellow): 1, str(pink): 2}
    assert sheet.conversation is not None
    assert (sheet.conversation.step, sheet.conversation.carried) == ("revise", "Mauve, rather.")
    assert (sheet.conversation.is_own, sheet.conversation.revisable) == (True, (1, 2))
    assert [message["role"] for message in sheet.prompt] == ["user", "assistant", "user"]
    assert (begun.is_begun, begun.sheet.draft["ranks"]) == (True, {str(first): 2})
    assert begun.decided["ranks"] == {str(first): 1, str(second): 2, str(third): 3}
    assert not other.is_begun
    assert judged_before(project_id=cast.project.pk, annotator=cast.bob) == talk


def test_a_turn_with_one_completion_alone_has_no_judgement(cast):
    begun = converse(cast.project, cast.bob, texts=("Red.",))
    decide(begun, shown=begun.order, ranks={})
    turn = offer(speak(begun, "And another?"), "Yellow.", "Pink.")
    decide(begun, number=2, shown=turn.order)
    finish(assignment_id=begun.pk, annotator=cast.bob)
    begun.refresh_from_db()

    sheet = judged_sheet(begun, membership=membership_in("colours", user=cast.bob), turn=2)

    assert sheet.conversation is not None
    assert sheet.conversation.revisable == (2,)
    with pytest.raises(NotFound, match="turn 1"):
        revise(begun, 1, notes="x")
