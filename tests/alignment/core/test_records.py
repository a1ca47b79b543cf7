from __future__ import annotations

import math

import pytest

from alignment.core.evaluation import accuracy_by_group
from alignment.core.records import Judgement, weighted
from tests.scripted import asked

PERSON = Judgement(asked("hi"), ("a", "b"), ranks=(1, 2), weight=2.0)
MODEL = Judgement(asked("hi"), ("a", "b"), ranks=(2, 1), weight=3.0, annotator="judge", source="model")


def test_judgements_are_weighted_by_who_made_them():
    person, model = weighted([PERSON, MODEL], {"model": 0.5})

    assert (person.weight, model.weight) == (2.0, 1.5)
    assert [pair.weight for pair in model.comparisons()] == [1.5]


def test_models_can_be_left_out():
    assert [each.weight for each in weighted([PERSON, MODEL], {"model": 0.0, "person": 1.0})] == [2.0, 0.0]


def test_a_weight_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="weight nan is not a number"):
        weighted([MODEL], {"model": math.nan})


def test_accuracy_is_told_apart_by_source():
    pairs = [(each.source, pair.outcome) for each in (PERSON, MODEL) for pair in each.comparisons()]

    found = accuracy_by_group(
        [1.0, 1.0], [outcome for _, outcome in pairs], ["p", "p"], [source for source, _ in pairs], seed=0
    )

    assert {name: accuracy.overall.estimate for name, accuracy in found.items()} == {"person": 1.0, "model": 0.0}
