"""The report of a crowd whose careful people, spammers and adversaries are known, and of few judgements by hand."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.quality.judged import Judged
from labeling.quality.report import report

SPAMMER, ADVERSARY = 1, 2


def crowd(num_items=120, seed=0):
    """Six annotators, three of them on each item of four completions; 1 ranks by chance and 2 the opposite."""
    rng = np.random.default_rng(seed)
    rows = []
    for item in range(num_items):
        ids = [item * 10 + each for each in range(4)]
        merits = rng.normal(0, 2, 4)
        for annotator in rng.choice(6, 3, replace=False):
            seen = merits + rng.normal(0, 0.5, 4)
            if annotator == SPAMMER:
                seen = rng.normal(0, 1, 4)
            if annotator == ADVERSARY:
                seen = -seen
            places = np.argsort(np.argsort(-seen))
            ranks = {completion: int(place) + 1 for completion, place in zip(ids, places, strict=True)}
            order = tuple(int(each) for each in rng.permutation(ids))
            ratings = {each: 7 - ranks[each] for each in ids}
            rows.append(Judged(item, item, int(annotator), order, ranks, ratings, seconds=float(rng.exponential(60))))
    return rows


@pytest.fixture(scope="module")
def found():
    rows = crowd()
    return report(rows, lengths={each: each % 7 for row in rows for each in row.order}, flags=["violent"])


def test_the_spammer_and_the_adversary_have_the_lowest_reliability_and_agreement(found):
    people = {person.annotator: person for person in found.people}
    honest = [people[each] for each in (0, 3, 4, 5)]

    assert min(person.reliability for person in honest) > 0.85
    assert people[ADVERSARY].reliability < 0.15
    assert 0.25 < people[SPAMMER].reliability < 0.75
    assert min(person.agreement.low for person in honest) > people[SPAMMER].agreement.value
    assert people[SPAMMER].agreement.value > people[ADVERSARY].agreement.high


def test_a_crowd_with_no_habits_shows_none(found):
    assert found.first_shown.low < 0.5 < found.first_shown.high
    assert found.longer.low < 0.5 < found.longer.high
    assert found.unchanged.low < 1 / 24 < found.unchanged.high
    assert found.time.low < 0 < found.time.high
    assert found.judgements == 360
    assert found.shared_items == 120


def test_where_two_people_judge_each_item_nobody_can_tell_who_is_right():
    pairs = [row for number, row in enumerate(crowd()) if number % 3]

    found = report(pairs, lengths={each: 1 for row in pairs for each in row.order}, flags=[])

    assert found.shared_items == 120
    assert np.isnan([person.reliability for person in found.people]).all()


def test_few_judgements_are_counted_by_hand():
    rows = [
        Judged(1, 1, 10, (1, 2, 3), {1: 1, 2: 2, 3: 3}, {1: 7, 2: 4, 3: 1}, {3: frozenset({"violent"})}, seconds=30),
        Judged(1, 1, 11, (3, 2, 1), {1: 1, 2: 2, 3: 2}, {1: 7, 2: 4, 3: 1}, {3: frozenset({"violent"})}, seconds=50),
        Judged(2, 2, 10, (4, 5), {4: 1, 5: 1}, best=4, seconds=10),
    ]

    found = report(rows, lengths={1: 10, 2: 20, 3: 30, 4: 1, 5: 1}, flags=["violent", "sexual"])

    # Of the five decided comparisons the one shown earlier won three, the shorter all.
    assert found.first_shown.value == pytest.approx(3 / 5)
    assert found.first_shown.units == 5
    assert found.longer.value == 0.0
    assert found.middle.value == pytest.approx(2 / 6)
    assert found.unchanged.value == 0.5
    violent, sexual = found.flags
    assert (violent.share, sexual.share) == (2 / 8, 0.0)
    ten, eleven = found.people
    assert [ten.judgements, ten.median_seconds, ten.agreement.value] == pytest.approx([2, 20, 2 / 3])
    assert np.isnan(eleven.reliability)  # three comparisons are too few


def test_no_judgements_give_a_report_that_says_so():
    found = report([], lengths={}, flags=["violent"])

    assert (found.judgements, found.shared_items, found.people) == (0, 0, [])
    assert np.isnan([found.first_shown.value, found.flags[0].share]).all()
