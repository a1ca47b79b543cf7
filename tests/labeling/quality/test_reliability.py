"""How far each annotator can be relied upon, and what their judgements weigh."""

from __future__ import annotations

import pytest

from labeling.quality.crowd_bradley_terry import CAREFUL
from labeling.quality.judged import Judged
from labeling.quality.reliability import USUAL, reliabilities, weight


def ranked(item, annotator, *ranks):
    order = tuple(range(item * 10, item * 10 + len(ranks)))
    ranks_of = dict(zip(order, ranks, strict=True))
    return Judged(item=item, prompt=item, annotator=annotator, order=order, ranks=ranks_of)


@pytest.mark.parametrize(("value", "counts"), [(0.8, 1.0), (1.0, 1.6667), (0.95, 1.5), (0.5, 0.0), (0.1, 0.0)])
def test_the_usual_annotator_weighs_1_and_who_answers_by_chance_or_the_opposite_nothing(value, counts):
    assert weight(value) == counts


def test_the_usual_reliability_is_the_mean_of_the_prior():
    assert CAREFUL[0] / (CAREFUL[0] + CAREFUL[1]) == USUAL


def test_who_is_always_alone_in_what_they_say_is_relied_upon_least():
    rows = [[ranked(item, who, *((3, 2, 1) if who == 9 else (1, 2, 3))) for who in (1, 2, 3, 9)] for item in range(10)]

    found = reliabilities(rows)

    assert found[9].value < 0.3
    assert min(found[who].value for who in (1, 2, 3)) > 0.85
    assert found[9].comparisons == 30


def test_of_two_who_differ_nobody_can_tell_who_is_right():
    assert reliabilities([[ranked(item, who, 1, 2, 3) for who in (1, 2)] for item in range(10)]) == {}


def test_few_comparisons_say_nothing_of_somebody():
    rows = [[ranked(item, who, 1, 2, 3) for who in (1, 2, 3)] for item in range(3)]

    assert reliabilities(rows) == {}
