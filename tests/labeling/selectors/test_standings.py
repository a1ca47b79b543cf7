"""What is read for leaderboard and flags."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from factories import a_verdict, claim, judge, make_cast, make_item

from labeling.models import Completion, Item, Reliability
from labeling.selectors import standings
from labeling.services import figures
from labeling.services.labels import submit_label
from labeling.services.prompts import NewCompletion, NewItem, add_completions, add_prompts, create_items
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db


def ask(project, prompt, written, **more):
    """An item of texts by who wrote each: a version, a person or, for None, an import."""
    [stored], _ = add_prompts(project=project, prompts=[prompt])
    pairs = []
    for text, by in written:
        origin = {"author": by} if hasattr(by, "pk") else {"policy_version": by}
        pairs.append((stored, NewCompletion(text=text, **origin)))
    completions = add_completions(pairs=pairs)
    [item] = create_items(project=project, items=[NewItem(prompt=stored, completions=completions, **more)])
    return item


def decide(project, annotator, *, best, flags=None):
    """Judge the next item: this text is best, the others tie."""
    assignment = claim(project, annotator)
    texts = dict(Completion.objects.filter(pk__in=assignment.order).values_list("pk", "text"))
    ranks = [1 if texts[pk] == best else 2 for pk in assignment.order]
    raised = {pk: flags[texts[pk]] for pk in assignment.order if texts[pk] in (flags or {})}
    verdict = a_verdict(assignment, ranks=ranks, flags=raised)
    return submit_label(assignment_id=assignment.pk, annotator=annotator, verdict=verdict, client_id=uuid4()).label


def outcomes(project):
    figures.refresh(project)
    return standings.outcomes(project)


def flag_shares(project):
    figures.refresh(project)
    return standings.flag_shares(project)


@pytest.fixture
def cast(db):
    return make_cast(num_items=0)


def test_outcomes_are_told_by_who_wrote_what_with_the_weight_of_each(cast):
    ask(cast.project, "One?", [("aaaa", 1), ("b", 2), ("cc", cast.dora)])
    decide(cast.project, cast.bob, best="b")

    found = {(row.first, row.second): row for row in outcomes(cast.project)}

    person = f"person:{cast.dora.pk}"
    third: Any = pytest.approx(1 / 3)
    first = found["policy:1", "policy:2"]
    assert (first.wins, first.ties, first.losses, first.num) == (0, 0, third, 1)
    assert first.longer == pytest.approx(0.6)
    assert first.is_fair is False
    assert (found[person, "policy:1"].ties, found[person, "policy:2"].losses) == (third, third)
    assert found[person, "policy:1"].longer == pytest.approx(-0.4)


def test_a_pick_is_a_win_over_each_of_the_others_and_no_judgement_counts_more_than_one(cast):
    ask(cast.project, "One?", [("aaaa", 1), ("b", 2), ("cc", cast.dora)], kind="best")
    assignment = claim(cast.project, cast.bob)
    texts = dict(Completion.objects.filter(pk__in=assignment.order).values_list("pk", "text"))
    best = next(pk for pk, text in texts.items() if text == "b")
    verdict = Verdict(best=best, seconds=5.0)
    submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=verdict, client_id=uuid4())

    found = {(row.first, row.second): (row.wins, row.ties, row.losses) for row in outcomes(cast.project)}

    person = f"person:{cast.dora.pk}"
    assert found == {("policy:1", "policy:2"): (0, 0, 0.5), (person, "policy:2"): (0, 0, 0.5)}


@pytest.mark.parametrize(
    ("weighs", "value", "wins"), [(False, 0.65, (1.0, 1.0)), (True, 0.5, (1.0, 0.0)), (True, 0.65, (1.0, 0.5))]
)
def test_who_counts_less_in_training_counts_as_much_less_here(cast, weighs, value, wins):
    cast.project.weighs_annotators = weighs
    cast.project.save(update_fields=["weighs_annotators"])
    Reliability.objects.create(
        project=cast.project, annotator=cast.dora, value=value, comparisons=9, fitted=timezone.now()
    )
    for number, annotator in enumerate((cast.bob, cast.dora)):
        ask(cast.project, f"Number {number}?", [("a", 1), ("b", number + 2)])
        decide(cast.project, annotator, best="a")

    found = {row.second: row.wins for row in outcomes(cast.project)}

    assert found.get("policy:2", 0.0) == pytest.approx(wins[0])
    assert found.get("policy:3", 0.0) == pytest.approx(wins[1])


def test_who_says_the_opposite_is_turned_around_where_the_project_wants_that(cast, monkeypatch):
    monkeypatch.setattr("labeling.services.standings.training_weights", lambda project: {cast.bob.pk: -0.5})
    ask(cast.project, "One?", [("aaaa", 1), ("b", 2)])
    decide(cast.project, cast.bob, best="aaaa")

    [row] = outcomes(cast.project)

    assert (row.first, row.wins, row.ties, row.losses) == ("policy:1", 0, 0, 0.5)
    assert row.longer == pytest.approx(0.6)


def test_comparisons_of_one_writer_with_itself_say_nothing(cast):
    make_item(cast.project)
    judge(cast.project, cast.bob)

    assert outcomes(cast.project) == []


def test_a_revised_judgement_does_not_count_and_known_answers_never_do(cast):
    from labeling.services.revisions import revise_label

    ask(cast.project, "One?", [("a", 1), ("b", 2)])
    label = decide(cast.project, cast.bob, best="a")
    assignment = label.assignment
    ranks = [1 if pk != label.comparisons.get().chosen_id else 2 for pk in assignment.order]
    revise_label(
        assignment_id=label.assignment_id,
        annotator=cast.bob,
        verdict=a_verdict(assignment, ranks=ranks),
        client_id=uuid4(),
    )

    [row] = outcomes(cast.project)
    ask(cast.project, "Two?", [("c", 1), ("d", 2)])
    Item.objects.filter(prompt__messages__0__content="Two?").update(purpose="known")
    decide(cast.project, cast.bob, best="c")

    assert (row.wins, row.losses, row.num) == (0, 1, 1)
    assert outcomes(cast.project) == [row]


def test_what_was_chosen_at_random_is_fair(cast):
    item = ask(cast.project, "One?", [("a", 1), ("b", 2)])
    chosen = {"rule": "random", "propensity": 0.5, "random_propensity": 0.5, "is_random": True}
    Item.objects.filter(pk=item.pk).update(**chosen)
    decide(cast.project, cast.bob, best="a")

    assert [row.is_fair for row in outcomes(cast.project)] == [True]


def test_flags_are_counted_by_writer_with_those_that_nobody_raised(cast):
    ask(cast.project, "One?", [("a", 1), ("b", 2)], overlap=2)
    ask(cast.project, "Two?", [("c", 1), ("d", 2)])
    decide(cast.project, cast.bob, best="a", flags={"b": ["sexual", "opinion"]})
    decide(cast.project, cast.bob, best="c", flags={"c": ["opinion"]})
    decide(cast.project, cast.dora, best="a", flags={"b": ["sexual"]})

    first, second = flag_shares(cast.project)

    assert (first.writer, second.writer) == ("policy:1", "policy:2")
    assert (second.judged, second.completions, second.prompts) == (3, 2, 2)
    assert (second.raised["sexual"], second.raised["opinion"], second.raised["violent"]) == (2, 1, 0)
    assert (first.raised["sexual"], first.raised["opinion"]) == (0, 1)
    assert second.shares["sexual"].value == pytest.approx(2 / 3)
    assert second.shares["violent"].value == 0
    assert 0.5 < second.shares["violent"].high < 1
    assert list(second.raised) == list(cast.project.flags)


def test_the_reads_are_few_queries_however_much_was_judged(cast, django_assert_num_queries):
    for number in range(3):
        ask(cast.project, f"Number {number}?", [("a", 1), ("b", 2)])
        decide(cast.project, cast.bob, best="a")

    figures.refresh(cast.project)

    with django_assert_num_queries(2):
        standings.outcomes(cast.project)
        standings.flag_shares(cast.project)
