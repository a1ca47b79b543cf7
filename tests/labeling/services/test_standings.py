"""The sums of the leaderboard are those of a recount, whatever happened and in whatever steps it was counted."""

from __future__ import annotations

import io
import json
import random
from collections import defaultdict
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from factories import a_verdict, claim, judge, make_cast, make_item

from labeling.imports.files import import_file
from labeling.imports.formats import Format
from labeling.models import Assignment, FlagSums, Item, Kind, Label, OutcomeSums
from labeling.selectors import standings as selectors
from labeling.services import figures, standings
from labeling.services.assignments import claim_next
from labeling.services.labels import submit_label
from labeling.services.prompts import NewCompletion, NewItem, add_completions, add_prompts, create_items
from labeling.services.revisions import revise_label
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db

KEYS = [f"{number:016x}" for number in range(3)]


@pytest.fixture
def cast(db):
    return make_cast(num_items=0)


def writer(text):
    if text.origin == "import":
        return f"model:{text.model_id}" if text.model_id else f"import:{text.source or text.prompt.source}"
    return f"policy:{text.policy_version}" if text.origin == "policy" else f"person:{text.author_id}"


def recount(project, weights):
    """What stands, added up as fractions: cells of outcomes, and of flags what was judged and raised."""
    cells: defaultdict[Any, list[Any]] = defaultdict(lambda: [0, 0, 0, 0])
    flags: defaultdict[Any, int] = defaultdict(int)
    texts: dict[int, str] = {}
    prompts: dict[tuple[str, int], bool] = {}
    for label in Label.objects.filter(project=project, superseded_by=None).select_related("item"):
        item = label.item
        shown = [each.completion for each in item.entries.select_related("completion__prompt", "completion__model")]
        if item.purpose == "known" or label.kind == Kind.DEMONSTRATION:
            continue
        weight = Fraction(weights.get(label.annotator_id, 1)).limit_denominator(10_000)
        ranks = dict(label.ranks.values_list("completion", "rank"))
        if label.kind == Kind.BEST:
            pairs: list[Any] = [
                (label.best, other, 1, Fraction(1, len(shown) - 1)) for other in shown if other != label.best
            ]
        else:
            ranked = [each for each in shown if each.pk in ranks]
            share = Fraction(1, comb(len(ranked), 2)) if len(ranked) > 1 else 0
            pairs = [
                (one, other, (ranks[other.pk] > ranks[one.pk]) - (ranks[other.pk] < ranks[one.pk]), share)
                for one, other in combinations(ranked, 2)
            ]
        for one, other, sign, share in pairs:
            if writer(one) == writer(other) or not weight:
                continue
            if writer(one) > writer(other):
                one, other, sign = other, one, -sign
            sign = -sign if weight < 0 else sign
            lengths = [len(each.text.encode()) for each in (one, other)]
            longer = in_fifths(Fraction(lengths[0] - lengths[1], max(sum(lengths), 1)))
            is_fair = item.purpose == "evaluation" or item.is_random
            cell = cells[writer(one), writer(other), one.prompt_id % selectors.CLUSTERS, is_fair, longer]
            cell[0] += 1
            cell[2 - sign] += share * abs(weight)
        if label.source != "import":
            raised = {each.completion_id: each.flags for each in label.ratings.all()}
            for text in shown:
                for flag in ["", *raised.get(text.pk, [])]:
                    flags[writer(text), text.prompt_id % selectors.CLUSTERS, flag] += 1
                texts[text.pk], prompts[writer(text), text.prompt_id] = writer(text), True
    different = {
        name: (list(texts.values()).count(name), sum(of == name for of, _ in prompts)) for name in set(texts.values())
    }
    return dict(cells), dict(flags), different


def in_fifths(share):
    return (1 if share >= 0 else -1) * int(abs(share) * 5 + Fraction(1, 2))


def kept(project):
    cells = {
        (row.first, row.second, row.cluster, row.is_fair, row.longer): [
            row.num,
            *(Fraction(each, selectors.UNITS) for each in (row.wins, row.ties, row.losses)),
        ]
        for row in OutcomeSums.objects.filter(project=project)
    }
    rows = list(FlagSums.objects.filter(project=project))
    different: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        texts, prompts = different[row.writer]
        different[row.writer] = texts + row.completions, prompts + row.prompts
    return cells, {(row.writer, row.cluster, row.flag): row.num for row in rows}, dict(different)


def ask(cast, chance, number):
    [prompt], _ = add_prompts(project=cast.project, prompts=[f"Number {number}?"])
    writers = [{"policy_version": 1}, {"policy_version": 2}, {"policy_version": 3}, {"author": cast.alice}, {}]
    pairs = [
        (prompt, NewCompletion(text="ab" * chance.randint(1, 9) + str(place), **by))
        for place, by in enumerate(chance.sample(writers, chance.randint(2, 5)))
    ]
    kind = Kind.PAIR if len(pairs) == 2 else chance.choice([Kind.RANKING, Kind.BEST, Kind.RANKING])
    new = NewItem(prompt=prompt, completions=add_completions(pairs=pairs), kind=kind, overlap=2)
    [item] = create_items(project=cast.project, items=[new])
    if chance.random() < 0.3:
        Item.objects.filter(pk=item.pk).update(is_random=True, rule="random", propensity=0.5, random_propensity=0.5)


def bring(cast):
    """Models with names, to be judged here; and judgements of elsewhere, the newer of which stands first."""
    entries = [{"text": "Red.", "model": "a"}, {"text": "Blue, I think.", "model": "b"}, {"text": "Mauve."}]
    ranked = [
        {"ranking_id": KEYS[1], "prompt": "A?", "completions": entries, "ranks": [1, 2, 2]},
        {"ranking_id": KEYS[0], "prompt": "A?", "completions": entries, "ranks": [3, 2, 1], "superseded_by": KEYS[1]},
        {"ranking_id": KEYS[2], "prompt": "B?", "completions": entries, "ranks": [1, 1, 1]},
    ]
    asked = [{"prompt": "C?", "completions": entries}, {"prompt": "D?", "completions": entries[:2]}]
    for rows, file_format in ((ranked, Format.RANKED), (asked, Format.PROMPTS)):
        lines = "\n".join(map(json.dumps, rows)).encode()
        import_file(io.BytesIO(lines), project=cast.project, file_format=file_format, source=f"{file_format}.jsonl")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")  # an import ends with its transaction, which a test's does not


def said(assignment, chance):
    shown = assignment.order
    flags = {
        pk: chance.choice([["opinion"], ["sexual"], ["opinion", "sexual"]]) for pk in shown if chance.random() < 0.3
    }
    if assignment.item.kind == Kind.BEST:
        return Verdict(best=chance.choice(shown), flags=flags, seconds=chance.random())
    levels = [chance.randint(1, len(shown)) for _ in shown]
    ranks = [sorted(set(levels)).index(level) + 1 for level in levels]
    if assignment.item.kind == Kind.PAIR:
        strength = None if len(set(ranks)) == 1 else 2
        return Verdict(
            ranks=dict(zip(shown, ranks, strict=True)), strength=strength, flags=flags, seconds=chance.random()
        )
    return a_verdict(assignment, ranks=ranks, flags=flags, seconds=chance.random())


def live(cast, chance, judged):
    """One thing that happens: somebody judges, or thinks better of it."""
    who = chance.choice([cast.bob, cast.dora])
    mine = [each for each in judged if each.annotator == who]
    if mine and chance.random() < 0.4:
        again = chance.choice(mine)
        verdict = said(again, chance)
        revise_label(assignment_id=again.pk, annotator=who, verdict=verdict, client_id=uuid4())
        return
    assignment = claim_next(project=cast.project, annotator=who)
    if assignment is not None:
        submit_label(assignment_id=assignment.pk, annotator=who, verdict=said(assignment, chance), client_id=uuid4())
        judged.append(assignment)


@pytest.mark.parametrize("seed", range(3))
def test_after_any_history_the_sums_are_those_of_a_recount(cast, monkeypatch, seed):
    chance, weights = random.Random(seed), {cast.bob.pk: 0.7}
    judged: list[Assignment] = []
    monkeypatch.setattr("labeling.services.standings.training_weights", lambda project: dict(weights))
    monkeypatch.setattr(figures, "CHUNK", 2)
    for number in range(6):
        ask(cast, chance, number)
    steps = [lambda: live(cast, chance, judged)] * 25 + [lambda: figures.refresh(cast.project, chunks=1)] * 8
    steps += [lambda: weights.update({cast.dora.pk: chance.choice([0.0, -0.5, 0.3333, 1.0])})] * 3
    steps.append(lambda: bring(cast))
    chance.shuffle(steps)

    for step in steps:
        step()
    while figures.refresh(cast.project):
        pass

    assert Label.objects.exclude(superseded_by=None).count() > 2
    assert kept(cast.project) == recount(cast.project, weights)


def test_what_is_taken_back_leaves_nothing_behind(cast):
    make_item(cast.project)
    assignment = claim(cast.project, cast.bob)
    with_flag = a_verdict(assignment, flags={assignment.order[0]: ["opinion"]})
    submit_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=with_flag, client_id=uuid4())
    figures.refresh(cast.project)
    before = kept(cast.project)[1]

    revise_label(assignment_id=assignment.pk, annotator=cast.bob, verdict=a_verdict(assignment), client_id=uuid4())
    figures.refresh(cast.project)

    assert sorted((flag, num) for (_, _, flag), num in before.items()) == [("", 3), ("opinion", 1)]
    assert [(row.flag, row.num, row.completions, row.prompts) for row in FlagSums.objects.all()] == [("", 3, 3, 1)]


def test_a_weight_that_hardly_moved_is_no_reason_to_count_anew(cast, monkeypatch):
    weights = {cast.bob.pk: 0.7}
    monkeypatch.setattr("labeling.services.standings.training_weights", lambda project: dict(weights))
    make_item(cast.project)
    judge(cast.project, cast.bob)
    figures.refresh(cast.project)

    weights[cast.bob.pk] = 0.71
    hardly = standings.reweigh_standings(cast.project.pk)
    weights[cast.bob.pk] = 0.5
    moved = standings.reweigh_standings(cast.project.pk)

    assert (hardly, moved) == (False, True)
