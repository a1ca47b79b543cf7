"""Settings that contradict each other."""

from __future__ import annotations

import pytest

from alignment.clocks.triggers import contradictions

FINE = {"minutes_between_runs": 10, "minutes_at_most": 10, "members": 2, "pessimism": 1.0, "method": "dpo"}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"minutes_at_most": None}, []),
        ({"minutes_at_most": 9}, ["minutes_at_most"]),
        ({"members": 1}, ["pessimism"]),
        ({"members": 1, "pessimism": 0.0}, []),
        ({"method": "sft", "start": "base"}, []),
        ({"method": "sft", "start": "sft"}, ["start"]),
        ({"minutes_at_most": 1, "members": 1}, ["minutes_at_most", "pessimism"]),
    ],
)
def test_each_contradiction_is_named_by_its_field(changes, names):
    assert list(contradictions({**FINE, **changes})) == names


def test_values_that_are_missing_contradict_nothing():
    assert contradictions({}) == {}
