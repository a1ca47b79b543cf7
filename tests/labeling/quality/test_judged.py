"""Judgements as rows: of one item, and by comparison."""

from __future__ import annotations

from labeling.quality.judged import Judged, comparisons, shared

ANN = Judged(item=1, prompt=9, annotator=1, order=(8, 5, 7), ranks={8: 1, 5: 2, 7: 2}, ratings={8: 7, 5: 1}, best=8)
BEN = Judged(
    item=1, prompt=9, annotator=2, order=(5, 7, 8), ranks={5: 1, 7: 3, 8: 2}, ratings={5: 1}, best=5,
    flags={5: frozenset({"violent"})},
)  # fmt: skip
ALONE = Judged(item=2, prompt=9, annotator=1, order=(1, 2), ranks={1: 1, 2: 2})


def test_only_items_that_two_people_judged_are_shared():
    assert shared([ANN, ALONE, BEN]) == [[ANN, BEN]]
    assert shared([ALONE]) == []


def test_comparisons_say_first_tie_or_second_by_the_lower_id():
    assert dict(comparisons(ANN)) == {(5, 7): 1, (5, 8): 2, (7, 8): 2}
    assert dict(comparisons(BEN)) == {(5, 7): 0, (5, 8): 0, (7, 8): 2}
