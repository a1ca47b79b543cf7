"""Sums of agreement that are kept: those of a full recount, written down anew here."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from itertools import combinations
from uuid import uuid4

import numpy as np
import pytest
from factories import a_verdict, make_cast, make_item, make_user
from scipy import stats

from labeling.exchange import human_ceiling
from labeling.models import AgreementFigures, Folded, Label, Role
from labeling.quality.agreement import fleiss_kappa, gwet_ac1, krippendorff_alpha, pairwise_agreement
from labeling.selectors.agreement import coefficients
from labeling.services import figures
from labeling.services.assignments import claim_next
from labeling.services.figures import refresh
from labeling.services.labels import submit_label
from labeling.services.projects import set_member, update_project
from labeling.services.revisions import revise_label
from labeling.services.verdicts import Verdict

pytestmark = pytest.mark.django_db
COLOURS = ("Red.", "Blue.", "Green.")
OLD = dt.datetime(2026, 3, 1, 23, 30, tzinfo=dt.UTC)


@pytest.fixture
def judged():
    """16 items that one to four people judged at random, some three weeks ago, and that some of them revised."""
    chance = random.Random(5)
    cast = make_cast(num_items=0)
    people = [cast.bob, cast.dora, make_user("eve"), make_user("finn")]
    for person in people[2:]:
        set_member(project=cast.project, user=person, role=Role.ANNOTATOR)
    update_project(project=cast.project, flags=["hallucination", "harmful_advice"])
    for number in range(16):
        kind = ("ranking", "ranking", "best")[number % 3]
        make_item(cast.project, prompt=f"Colour {number}?", texts=COLOURS, overlap=1 + number % 4, kind=kind)
    while people:
        person = chance.choice(people)
        served = claim_next(project=cast.project, annotator=person)
        if served is None:
            people.remove(person)
        else:
            _judge(served, chance, is_old=served.item_id % 2 == 1)
    cast.project.refresh_from_db()
    return cast


def _judge(assignment, chance, *, is_old):
    given = {"assignment_id": assignment.pk, "annotator": assignment.annotator}
    label = submit_label(**given, verdict=_random(assignment, chance), client_id=uuid4()).label
    if is_old:
        Label.objects.filter(pk=label.pk).update(created=OLD)
    if chance.random() < 0.4:
        revise_label(**given, verdict=_random(assignment, chance), client_id=uuid4())


def _random(assignment, chance):
    if assignment.item.kind == "best":
        return Verdict(best=chance.choice(assignment.order))
    flags = {pk: ["hallucination"] for pk in assignment.order if chance.random() < 0.4}
    ranks = chance.choice([[1, 2, 3], [1, 3, 2], [2, 1, 3], [1, 1, 2], [3, 2, 1], [1, 1, 1]])
    return a_verdict(assignment, ranks=ranks, ratings=[chance.randint(3, 6) for _ in ranks], flags=flags)


def counted(cast, **filters):
    """By item, what each judge said of each unit, of each measure; as first submitted."""
    items = defaultdict(list)
    for label in Label.objects.filter(project=cast.project, supersedes__isnull=True).order_by("pk"):
        ranks = dict(label.ranks.values_list("completion", "rank"))
        ratings = {row.completion_id: row for row in label.ratings.all()}
        assert label.assignment is not None
        completions = sorted(label.assignment.order)
        items[label.item_id].append(
            {
                "who": label.annotator_id,
                "kind": label.kind,
                "created": label.created,
                "comparisons": {
                    (one, other): int(np.sign(ranks[one] - ranks[other])) + 1
                    for one, other in combinations(sorted(ranks), 2)
                },
                "ratings": {pk: row.value - 1 for pk, row in ratings.items() if row.value is not None},
                "picks": {0: completions.index(label.best_id)} if label.best_id else {},
                "flag": {pk: int(pk in ratings and "hallucination" in ratings[pk].flags) for pk in completions},
                "ranks": [ranks[pk] for pk in completions] if ranks else None,
            }
        )
    groups = list(items.values())
    if "kind" in filters:
        groups = [group for group in groups if group[0]["kind"] == filters["kind"]]
    if "is_old" in filters:
        groups = [group for group in groups if (group[0]["created"] == OLD) == filters["is_old"]]
    return groups


def counts(groups, measure, *, categories):
    found = []
    for group in groups:
        for unit in {unit for each in group for unit in each[measure]}:
            row = np.zeros(categories)
            for each in group:
                if unit in each[measure]:
                    row[each[measure][unit]] += 1
            found.append(row)
    return np.array(found)


def with_each_other(groups, person):
    return [
        [mine, other]
        for group in groups
        for mine in group
        for other in group
        if mine["who"] == person.pk and other["who"] != person.pk
    ]


def expected(groups):
    """Each coefficient, from judgements."""
    found: dict[tuple[str, str], float] = {}
    for measure, categories in (("comparisons", 3), ("ratings", 7)):
        table = counts(groups, measure, categories=categories)
        found |= {
            (measure, "pairwise_agreement"): pairwise_agreement(table),
            (measure, "alpha_ordinal"): krippendorff_alpha(table, level="ordinal"),
            (measure, "alpha_nominal"): krippendorff_alpha(table),
            (measure, "fleiss_kappa"): fleiss_kappa(table),
        }
    flags = counts(groups, "flag", categories=2)
    found["flag", "gwet_ac1"] = gwet_ac1(flags)
    taus = [
        tau
        for group in groups
        for one, other in combinations(group, 2)
        if one["ranks"] and not np.isnan(tau := stats.kendalltau(one["ranks"], other["ranks"]).statistic)
    ]
    found["rankings", "kendall_tau"] = float(np.mean(taus))
    return found


def kept(rows, **of):
    return {
        (row.measure, row.coefficient): row.estimate.value
        for row in rows
        if row.flag in ("", "hallucination") and all(getattr(row.of, name) == value for name, value in of.items())
    }


def same(found, wanted):
    return {key: found[key] for key in wanted} == pytest.approx(wanted, abs=1e-9)


def test_the_sums_that_are_kept_are_those_of_a_full_recount(judged):
    refresh(judged.project)

    assert same(kept(coefficients(judged.project)), expected(counted(judged)))
    ranked = kept(coefficients(judged.project, by="kind"), kind="ranking")
    assert same(ranked, expected(counted(judged, kind="ranking")))
    monday = dt.date(2026, 2, 23)
    assert same(kept(coefficients(judged.project, by="week"), week=monday), expected(counted(judged, is_old=True)))
    picks = counts(counted(judged, kind="best"), "picks", categories=9)
    found = kept(coefficients(judged.project, by="kind"), kind="best")
    assert found["picks", "alpha_nominal"] == pytest.approx(krippendorff_alpha(picks))


def test_a_person_is_compared_with_each_other_person(judged):
    refresh(judged.project)

    pairs = with_each_other(counted(judged), judged.bob)
    found = coefficients(judged.project, by="person")
    assert same(kept(found, annotator=judged.bob.pk), expected(pairs))
    alone = coefficients(judged.project, annotator=judged.bob.pk)
    assert kept(alone) == kept(found, annotator=judged.bob.pk)


def test_counted_in_small_steps_or_late_it_comes_to_the_same(judged, monkeypatch):
    monkeypatch.setattr(figures, "CHUNK", 3)
    refresh(judged.project, chunks=100)
    in_steps = kept(coefficients(judged.project))
    AgreementFigures.objects.all().delete()
    Folded.objects.update(agreed_label=0)
    monkeypatch.setattr(figures, "CHUNK", 1000)

    refresh(judged.project)

    assert same(in_steps, kept(coefficients(judged.project)))


def test_counting_takes_as_many_queries_for_many_labels_as_for_few(judged, django_assert_max_num_queries):
    with django_assert_max_num_queries(25):
        figures.fold(judged.project.pk)


def test_the_human_ceiling_is_how_often_two_agree_with_ties_half(judged):
    refresh(judged.project)

    pairs = [
        (one["comparisons"][unit], other["comparisons"][unit], 1 / (len(group) - 1))
        for group in counted(judged)
        for one, other in combinations(group, 2)
        for unit in one["comparisons"]
    ]
    right = [0.5 if 1 in (one, other) else float(one == other) for one, other, _ in pairs]
    found = human_ceiling(judged.project.pk)
    assert found is not None
    assert found.value == pytest.approx(np.average(right, weights=[weight for *_, weight in pairs]))
    assert found.low < found.value < found.high
    assert human_ceiling(judged.other_project.pk) is None
