"""Conversations: said once, on one side of the split, and ended when something was judged."""

from __future__ import annotations

from uuid import uuid4

import pytest
from factories import claim, end_lease, make_cast, make_item
from procrastinate.contrib.django.models import ProcrastinateJob
from talking import converse, decide, offer, speak

from labeling.errors import Conflict, Invalid, NotFound
from labeling.models import Assignment, Item, Label, Membership, Project, Prompt, Slot, State, Turn
from labeling.selectors.conversations import Step, conversation
from labeling.services.assignments import claim_next, heartbeat, skip
from labeling.services.conversations import ask_again, finish
from labeling.services.labels import submit_label
from labeling.services.projects import update_project
from labeling.services.prompts import add_prompts, items_for
from labeling.services.revisions import revise_label
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db

COLOURS = ("Red.", "Blue.", "Green.")


@pytest.fixture
def cast():
    return make_cast(num_items=0)


def jobs(turn):
    return ProcrastinateJob.objects.filter(task_name="labeling.write_turn", status="todo", args__turn_id=turn.pk)


def where(assignment):
    assignment = Assignment.objects.get(pk=assignment.pk)
    return conversation(assignment, project=assignment.item.project)


def test_it_begins_with_the_prompt_and_what_is_written_for_it(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)

    begun = where(assignment)

    assert (begun.step, begun.turn, begun.judged) == (Step.RANK, 1, 0)
    assert begun.messages == [{"role": "user", "content": "Name a colour."}]
    assert begun.shown == assignment.order


def test_each_turn_is_a_prompt_of_all_that_was_said(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    settled = decide(assignment, shown=assignment.order)

    turn = speak(assignment, "And another one?")

    assert turn.prompt.messages == [
        {"role": "user", "content": "Name a colour."},
        {"role": "assistant", "content": settled.carried.text},
        {"role": "user", "content": "And another one?"},
    ]
    stored = Prompt.objects.get(pk=turn.prompt_id)
    assert (stored.source, stored.times_sampled) == ("conversation", 1)
    assert where(assignment).step == Step.WAIT
    assert jobs(turn).count() == 1


def test_a_topic_is_for_the_annotator_and_never_said(cast):
    update_project(project=cast.project, conversation_opening="topic")
    opening = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Talk about tea."}]
    assignment = converse(cast.project, cast.bob, prompt=opening, texts=COLOURS)
    begun = where(assignment)

    turn = speak(assignment, "Which tea keeps me awake?")

    assert (begun.step, begun.topic, begun.shown) == (Step.SAY, "Talk about tea.", [])
    assert turn.prompt.messages == [opening[0], {"role": "user", "content": "Which tea keeps me awake?"}]


def test_saying_the_same_twice_under_one_client_id_is_saying_it_once(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)
    client_id = uuid4()

    first = speak(assignment, "And now?", client_id=client_id)
    second = speak(assignment, "And now?", number=2, client_id=client_id)

    assert first == second
    assert Turn.objects.filter(assignment=assignment).count() == 2
    assert jobs(first).count() == 1  # asking anew while a job waits queues no other


def test_two_tabs_say_one_thing(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)
    speak(assignment, "From the first tab.")

    with pytest.raises(Conflict, match="turn 2 was begun already") as refused:
        speak(assignment, "From the second tab.", number=2)

    assert refused.value.code == "turn_taken"
    assert Prompt.objects.filter(messages__icontains="second tab").count() == 0


@pytest.mark.parametrize("number", [2, 3])
def test_no_turn_is_begun_before_the_one_before_is_judged(cast, number):
    update_project(project=cast.project, conversation_opening="topic")
    assignment = converse(cast.project, cast.bob)
    speak(assignment, "First.")

    with pytest.raises(Conflict, match=f"turn {number} is not next"):
        speak(assignment, "Too early.", number=number)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("x" * 20_001, "20,001 characters"),
        ("a\x00b", "NUL"),
        ("\ud800", "Unicode"),
    ],
)
def test_what_cannot_be_said_is_refused(cast, text, reason):
    update_project(project=cast.project, conversation_opening="topic")
    assignment = converse(cast.project, cast.bob)

    with pytest.raises(Invalid, match=reason):
        speak(assignment, text)
    assert not Turn.objects.exists()


def test_nobody_speaks_in_the_conversation_of_another(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)
    assignment.annotator = cast.dora

    with pytest.raises(NotFound):
        speak(assignment, "Here I am.")


def test_a_client_id_of_another_conversation_is_refused(cast):
    update_project(project=cast.project, conversation_opening="topic")
    mine, hers = converse(cast.project, cast.bob), converse(cast.project, cast.dora, prompt="Name a shape.")
    client_id = uuid4()
    speak(mine, "Hello.", client_id=client_id)

    with pytest.raises(Conflict, match="client id belongs to something else"):
        speak(hers, "Hello.", client_id=client_id)
    assert not hers.turns.exists()


def test_other_kinds_are_no_conversations(cast):
    make_item(cast.project)
    assignment = claim(cast.project, cast.bob)

    with pytest.raises(Invalid, match="is no conversation"):
        speak(assignment, "Hello.")


def test_a_conversation_is_not_submitted_or_revised_as_one_judgement(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    whole = Verdict(best=assignment.order[0])

    with pytest.raises(Invalid, match="judged turn by turn"):
        submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=whole, client_id=uuid4())
    decide(assignment, shown=assignment.order)
    finish(assignment_id=assignment.pk, annotator=cast.bob)
    with pytest.raises(Conflict, match="a conversation has a judgement for each turn"):
        revise_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=whole, client_id=uuid4())


def test_after_the_last_turn_there_is_only_the_end(cast):
    update_project(project=cast.project, conversation_turns=2)
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)
    turn = offer(speak(assignment, "More?"), "Yes.", "No.")
    decide(assignment, number=2, shown=turn.order)

    assert (where(assignment).step, where(assignment).may_finish) == (Step.END, True)
    with pytest.raises(Conflict, match="at most 2 turns"):
        speak(assignment, "Even more?")


def test_finishing_counts_one_judgement_of_the_item_and_twice_is_harmless(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order, seconds=7.5)

    for _ in range(2):
        finish(assignment_id=assignment.pk, annotator=cast.bob)

    item = Item.objects.get(pk=assignment.item_id)
    member = Membership.objects.get(project=cast.project, user=cast.bob)
    assignment.refresh_from_db()
    assert (item.num_judgements, assignment.state, Slot.objects.get(item=item).is_done) == (1, State.SUBMITTED, True)
    assert (member.num_submitted, member.num_extra, member.seconds_worked) == (1, 0, 7.5)
    assert claim_next(project=cast.project, annotator=cast.bob) is None


def test_without_a_judgement_a_conversation_is_not_finished(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)

    with pytest.raises(Conflict, match="nothing is judged"):
        finish(assignment_id=assignment.pk, annotator=cast.bob)


def test_completions_that_are_there_are_ranked_before_the_end_and_those_that_never_came_are_not(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)
    turn = speak(assignment, "More?")
    offer(turn, "Yes.", "No.")

    with pytest.raises(Conflict, match="turn 2 has completions to be ranked"):
        finish(assignment_id=assignment.pk, annotator=cast.bob)
    Turn.objects.filter(pk=turn.pk).update(state="waiting", order=[])
    finish(assignment_id=assignment.pk, annotator=cast.bob)

    assert not offer(turn, "Too late.", "Much too late.").order


def test_a_lease_that_ended_costs_nothing_and_one_that_somebody_else_took_makes_an_extra_judgement(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    end_lease(assignment)
    decide(assignment, shown=assignment.order)
    assert Slot.objects.get().assignment == assignment  # taken again by going on
    end_lease(assignment)
    hers = claim(cast.project, cast.dora)
    decide(hers, shown=hers.order)
    finish(assignment_id=hers.pk, annotator=cast.dora)

    speak(assignment, "I am still here.")
    finish(assignment_id=assignment.pk, annotator=cast.bob)

    assert Item.objects.get(pk=assignment.item_id).num_judgements == 1
    assert Membership.objects.get(project=cast.project, user=cast.bob).num_extra == 1


def test_a_skipped_conversation_keeps_what_was_judged_and_takes_nothing_more(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)

    skip(assignment_id=assignment.pk, annotator=cast.bob)

    assert Label.objects.count() == 1
    with pytest.raises(Conflict, match="you skipped"):
        speak(assignment, "Again?")
    assert claim(cast.project, cast.dora).item == assignment.item


def test_asking_again_forgets_the_reason_and_queues_one_job(cast):
    update_project(project=cast.project, conversation_opening="topic")
    assignment = converse(cast.project, cast.bob)
    turn = speak(assignment, "Hello?")
    Turn.objects.filter(pk=turn.pk).update(error="the server is away")

    for _ in range(2):
        ask_again(assignment_id=assignment.pk, annotator=cast.bob, number=1)

    assert (Turn.objects.get().error, jobs(turn).count()) == ("", 1)
    with pytest.raises(Conflict, match="turn 2 is not the open one"):
        ask_again(assignment_id=assignment.pk, annotator=cast.bob, number=2)


def test_the_heartbeat_keeps_a_conversation(cast):
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)

    renewed = heartbeat(assignment_id=assignment.pk, annotator=cast.bob)

    assert renewed.lease_expires >= assignment.lease_expires


# --- Which side of the split a turn is on


@pytest.mark.parametrize("is_held_out", [True, False])
@pytest.mark.parametrize("opening", ["prompt", "topic"])
def test_every_turn_stays_on_the_side_of_its_opening(cast, is_held_out, opening):
    """Half of all prompts would be held out by their digest, so twelve turns show that the opening decides."""
    Project.objects.filter(pk=cast.project.pk).update(
        held_out_percent=50, conversation_turns=12, conversation_opening=opening
    )
    cast.project.refresh_from_db()
    candidates, _ = add_prompts(project=cast.project, prompts=[f"Name colour {number}." for number in range(20)])
    begun = next(prompt for prompt in candidates if prompt.held_out == is_held_out)
    assignment = converse(cast.project, cast.bob, prompt=begun.messages, texts=COLOURS)
    if opening == "prompt":
        decide(assignment, shown=assignment.order)

    for number in range(assignment.turns.count() + 1, 13):
        turn = offer(speak(assignment, f"Turn {number}."), "Yes.", "No.")
        decide(assignment, number=number, shown=turn.order)

    assert set(Prompt.objects.filter(turns__assignment=assignment).values_list("held_out", flat=True)) == {is_held_out}
    assert Turn.objects.count() == 12


def test_what_was_said_to_be_a_held_out_prompt_holds_out_all_that_follows(cast):
    """An annotator may say, word for word, what a held-out prompt says: what quotes it is never learned from."""
    Project.objects.filter(pk=cast.project.pk).update(held_out_percent=50, conversation_opening="topic")
    cast.project.refresh_from_db()
    candidates, _ = add_prompts(project=cast.project, prompts=[f"Name colour {number}." for number in range(20)])
    secret = next(prompt for prompt in candidates if prompt.held_out)
    topic = next(prompt for prompt in candidates if not prompt.held_out)
    assignment = converse(cast.project, cast.bob, prompt=topic.messages)

    first = offer(speak(assignment, secret.last_turn), "Yes.", "No.")
    decide(assignment, shown=first.order)
    second = speak(assignment, "And then?")

    assert first.prompt == secret
    assert second.prompt.held_out


def test_turns_of_conversations_begin_no_conversations(cast):
    update_project(project=cast.project, kinds=["conversation"])
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    decide(assignment, shown=assignment.order)
    turn = offer(speak(assignment, "More?"), "Yes.", "No.")

    cast.project.refresh_from_db()
    assert items_for(cast.project, turn.prompt, list(turn.prompt.completions.all())) == []
    update_project(project=cast.project, kinds=["conversation", "ranking"])
    cast.project.refresh_from_db()
    [new] = items_for(cast.project, turn.prompt, list(turn.prompt.completions.all()))
    assert new.kind == "ranking"
