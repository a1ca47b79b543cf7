"""The judgement of a turn: an ordinary ranking, and a demonstration where something was written."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from factories import make_cast
from talking import converse, decide, offer, speak

from labeling import exchange
from labeling.errors import Conflict, Invalid, NotFound
from labeling.exports.streams import make_export
from labeling.models import Completion, Label, Turn
from labeling.selectors.conversations import Step, conversation
from labeling.services import turns
from labeling.services.assignments import save_draft
from labeling.services.projects import update_project

pytestmark = pytest.mark.django_db

COLOURS = ("Red.", "Blue.", "Green.")


@pytest.fixture
def cast():
    return make_cast(num_items=0)


@pytest.fixture
def begun(cast):
    return converse(cast.project, cast.bob, texts=COLOURS)


def rows_of(project, view):
    return [json.loads(line) for line in b"".join(make_export(project=project, view=view).stream()).splitlines()]


def test_a_ranking_with_ties_is_stored_for_the_prompt_so_far(cast, begun):
    first, second, third = begun.order

    turn = decide(begun, ranks={first: 2, second: 1, third: 2}, best=second, flags={third: ["opinion"]}, notes="mine")

    label = Label.objects.get()
    assert (label.kind, label.turn, label.assignment, label.notes) == ("conversation", turn, begun, "mine")
    assert label.item.prompt == begun.item.prompt
    assert label.item != begun.item
    assert (label.item.overlap, label.item.num_judgements, label.item.slots.count()) == (1, 1, 0)
    assert dict(label.ranks.values_list("completion", "rank")) == {first: 2, second: 1, third: 2}
    assert sorted(label.comparisons.values_list("outcome", flat=True)) == ["tie", "win", "win"]
    assert set(label.comparisons.values_list("weight", flat=True)) == {1 / 3}
    assert turn.carried_id == second


def test_training_and_the_exports_get_every_turn(cast, begun):
    decide(begun, shown=begun.order)
    turn = offer(speak(begun, "And another?"), "Yellow.", "Pink.", version=4)
    decide(begun, number=2, shown=turn.order)

    records = list(exchange.judgements(cast.project.pk))
    comparisons = rows_of(cast.project, "comparisons")

    assert [len(record.prompt.messages) for record in records] == [1, 3]
    assert records[1].prompt.messages[-1] == ("user", "And another?")
    ranks = {each.text: rank for each, rank in zip(records[1].completions, records[1].ranks or (), strict=True)}
    assert ranks == {Completion.objects.get(pk=pk).text: rank for rank, pk in enumerate(turn.order, start=1)}
    assert len(comparisons) == 3 + 1
    assert {row["chosen_policy"] for row in comparisons[3:]} == {4}


def test_a_rewritten_completion_ranks_above_all_and_is_a_demonstration(cast, begun):
    first, second, third = begun.order

    turn = decide(begun, ranks={first: 1, second: 1, third: 2}, text="Crimson, I would say.", suggestion=second)

    label = Label.objects.get()
    written = Completion.objects.get(author=cast.bob)
    assert (turn.carried, label.demonstration, label.suggestion_id) == (written, written, second)
    assert dict(label.ranks.values_list("completion", "rank")) == {written.pk: 1, first: 2, second: 2, third: 3}
    assert label.comparisons.count() == 6
    [shown] = rows_of(cast.project, "demonstrations")
    suggested = Completion.objects.get(pk=second)
    called = suggested.prompt.digest[:8] + suggested.digest[:8]
    assert (shown["completion"][0]["content"], shown["suggestion_id"]) == ("Crimson, I would say.", called)
    assert [each.text for each in exchange.demonstrations(cast.project.pk)] == ["Crimson, I would say."]


def test_the_same_client_id_judges_once(cast, begun):
    client_id = uuid4()

    first = decide(begun, shown=begun.order, client_id=client_id)
    second = decide(begun, shown=begun.order, client_id=client_id)

    assert first == second
    assert (Label.objects.count(), Turn.objects.count()) == (1, 1)
    with pytest.raises(Conflict, match="client id belongs to another judgement"):
        decide(begun, shown=begun.order[::-1], client_id=client_id)


def test_a_client_id_of_another_conversation_judges_nothing(cast, begun):
    client_id = uuid4()
    decide(begun, shown=begun.order, client_id=client_id)
    hers = converse(cast.project, cast.dora, prompt="Name a shape.", texts=COLOURS)

    with pytest.raises(Conflict, match="client id"):
        decide(hers, shown=hers.order, client_id=client_id)
    assert not hers.turns.exists()


def test_two_tabs_judge_a_turn_once(cast, begun):
    decide(begun, shown=begun.order)

    with pytest.raises(Conflict, match="turn 1 is judged already"):
        decide(begun, shown=begun.order[::-1])
    assert Label.objects.count() == 1


def test_nothing_is_judged_before_it_is_written(cast, begun):
    decide(begun, shown=begun.order)
    speak(begun, "More?")

    with pytest.raises(Conflict, match="nothing is written for turn 2 yet"):
        decide(begun, number=2, text="My own.")
    with pytest.raises(Conflict, match="turn 3 is not begun"):
        decide(begun, number=3, shown=begun.order)


def test_nobody_judges_a_turn_of_another_s_conversation(cast, begun):
    begun.annotator = cast.dora

    with pytest.raises(NotFound):
        decide(begun, shown=begun.order)
    assert not Turn.objects.exists()


def test_what_does_not_answer_the_turn_is_refused(cast, begun):
    first, second, third = begun.order
    whole = {first: 1, second: 2, third: 3}
    foreign = Completion.objects.create(
        prompt=begun.item.prompt, text="Forged.", digest="0" * 64, origin="policy", policy_version=9
    ).pk
    wrong = [
        ({"ranks": {first: 1, second: 2}, "best": first}, "ranks lacks completion"),
        ({"ranks": {**whole, foreign: 4}, "best": first}, "is not part of this assignment"),
        ({"ranks": {first: 1, second: 2, third: 4}, "best": first}, "nothing has rank 3"),
        ({"ranks": whole}, "name the completion that carries on"),
        ({"ranks": whole, "best": foreign}, "name the completion that carries on"),
        ({"ranks": whole, "best": second}, "is not ranked first"),
        ({"ranks": whole, "best": first, "text": "And a text."}, "leave best out"),
        ({"ranks": whole, "best": first, "suggestion": first}, "no text was written from it"),
        ({"ranks": whole, "text": "A text.", "suggestion": foreign}, "is not part of this assignment"),
        ({"ranks": whole, "text": " \n"}, "the completion is empty"),
        ({"ranks": whole, "text": "x" * 100_001}, "100,001 characters"),
        ({"ranks": whole, "text": "a\x00"}, "NUL"),
        ({"ranks": whole, "text": Completion.objects.get(pk=second).text}, "as it was"),
        ({"ranks": whole, "best": first, "ratings": dict.fromkeys(whole, 4)}, "ratings is not part"),
        ({"ranks": whole, "best": first, "flags": {first: ["nonsense"]}}, "unknown flag"),
        ({"ranks": whole, "best": first, "notes": "x" * 20_001}, "notes have 20,001"),
        ({"ranks": whole, "best": first, "seconds": -1}, "seconds is -1"),
    ]

    for verdict, reason in wrong:
        with pytest.raises(Invalid, match=reason):
            decide(begun, **verdict)
    assert not Turn.objects.exists()
    assert not Label.objects.exists()


def test_an_empty_completion_does_not_carry_on(cast):
    assignment = converse(cast.project, cast.bob, texts=("", "Blue."))
    empty = Completion.objects.get(text="").pk
    other = next(pk for pk in assignment.order if pk != empty)

    with pytest.raises(Invalid, match=f"completion {empty} is empty"):
        decide(assignment, ranks={empty: 1, other: 2}, best=empty)


def test_one_completion_alone_carries_on_and_is_no_judgement_until_it_is_rewritten(cast):
    update_project(project=cast.project, conversation_opening="topic")
    assignment = converse(cast.project, cast.bob)
    only = offer(speak(assignment, "Hello."), "Hi.", "Hi.")
    client_id = uuid4()

    for _ in range(2):
        settled = decide(assignment, best=only.order[0], client_id=client_id)
    second = offer(speak(assignment, "And?"), "And what?")
    decide(assignment, number=2, text="And so on.", suggestion=second.order[0])

    assert settled.carried.text == "Hi."
    label = Label.objects.get()
    assert sorted(label.ranks.values_list("rank", flat=True)) == [1, 2]


def test_a_flag_on_a_completion_that_was_alone_is_kept_and_compares_nothing(cast):
    update_project(project=cast.project, conversation_opening="topic")
    assignment = converse(cast.project, cast.bob)
    only = offer(speak(assignment, "Hello."), "Hi.", "Hi.")

    decide(assignment, best=only.order[0], flags={only.order[0]: ["opinion"]}, notes="Curt.")

    label = Label.objects.get()
    [record] = exchange.judgements(cast.project.pk)
    assert (label.notes, label.turn, label.comparisons.count()) == ("Curt.", only, 0)
    assert label.ratings.get().flags == ["opinion"]
    assert [completion.text for completion in record.completions] == ["Hi."]
    assert rows_of(cast.project, "rankings")[0]["flags"] == [["opinion"]]
    assert rows_of(cast.project, "comparisons") == []


def test_who_plays_both_sides_writes_a_demonstration_at_each_turn(cast):
    update_project(project=cast.project, conversation_sides="both")
    assignment = converse(cast.project, cast.bob, texts=COLOURS)
    begun = conversation(assignment, project=assignment.item.project)

    decide(assignment, text="Ochre.")
    speak(assignment, "Why that?")
    decide(assignment, number=2, text="It is warm.")

    assert (begun.step, begun.shown) == (Step.WRITE, [])
    assert list(Label.objects.values_list("kind", "demonstration__text")) == [
        ("demonstration", "Ochre."),
        ("demonstration", "It is warm."),
    ]
    last = list(exchange.demonstrations(cast.project.pk))[-1]
    assert [content for _, content in last.prompt.messages] == ["Name a colour.", "Ochre.", "Why that?"]
    assert list(exchange.judgements(cast.project.pk)) == []


def test_what_the_worker_writes_is_offered_once_in_a_random_order(cast, begun):
    decide(begun, shown=begun.order)
    turn = speak(begun, "More?")
    texts = [f"Text {number}." for number in range(12)]

    offered = offer(turn, *texts, version=3)
    again = offer(turn, "Another one.", "And another.")

    written = [Completion.objects.get(pk=pk) for pk in offered.order]
    assert again.order == offered.order
    assert len(offered.order) == 8  # with one that is written over them, as many as are ranked together
    assert {each.policy_version for each in written} == {3}
    assert offered.order != sorted(offered.order) or offer_is_shuffled(begun)


def offer_is_shuffled(assignment):
    """Of 8 completions one order in 40,320 is the one they were written in."""
    Turn.objects.filter(assignment=assignment, number=2).update(state="waiting", order=[])
    turn = offer(assignment.turns.get(number=2), *[f"Other {number}." for number in range(8)])
    return turn.order != sorted(turn.order)


def test_a_refusal_is_kept_for_who_waits_and_ends_with_the_completions(cast, begun):
    decide(begun, shown=begun.order)
    turn = speak(begun, "More?")

    turns.refuse(turn_id=turn.pk, reason="the server at http://x is away")
    waiting = conversation(begun, project=begun.item.project)
    offer(turn, "Yes.", "No.")

    assert (waiting.step, waiting.error, waiting.state) == (
        Step.WAIT,
        "the server at http://x is away",
        "wait-2-failed",
    )
    assert Turn.objects.get(pk=turn.pk).error == ""


def test_going_on_empties_the_draft(cast, begun):
    save_draft(assignment_id=begun.pk, annotator=cast.bob, draft={"step": "rank-1", "notes": "half"})

    decide(begun, shown=begun.order)

    begun.refresh_from_db()
    assert begun.draft == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "waiting"},
        {"state": "offered"},
        {"state": "lost"},
        {"carried": None},
        {"settled_id": None},
        {"number": 21},
    ],
)
def test_the_database_holds_turns_to_what_their_state_says(cast, begun, changes):
    decide(begun, shown=begun.order)

    with pytest.raises(IntegrityError), transaction.atomic():
        Turn.objects.update(**changes)


def test_the_database_keeps_one_open_turn_and_one_current_label_of_each(cast, begun):
    turn = decide(begun, shown=begun.order)
    label = Label.objects.get()
    speak(begun, "More?")

    with pytest.raises(IntegrityError, match="turn_one_is_open"), transaction.atomic():
        Turn.objects.create(assignment=begun, number=3, prompt=turn.prompt, client_id=uuid4())
    for wrong, name in [
        ({"turn": turn}, "label_one_current_per_turn"),
        ({"turn": None}, "label_of_a_turn_of_its_conversation"),
        ({"turn": turn, "kind": "rating"}, "label_of_a_turn_of_its_conversation"),
    ]:
        fields = {"project": cast.project, "item": label.item, "assignment": begun, "annotator": cast.bob}
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Label.objects.create(**{**fields, "kind": "conversation", "client_id": uuid4(), **wrong})
