"""Judgements as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

FIRST, TIE, SECOND = range(3)
"""What a person says of two completions, the one with the lower id first."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One judgement: what is decided about the completions of an item, by their ids, and the order they had."""

    item: int
    prompt: int
    annotator: int
    order: tuple[int, ...]
    ranks: Mapping[int, int] = field(default_factory=dict)
    ratings: Mapping[int, int] = field(default_factory=dict)
    flags: Mapping[int, frozenset[str]] = field(default_factory=dict)
    best: int | None = None
    seconds: float = 0.0


def shared(rows: Iterable[Judged]) -> list[list[Judged]]:
    """The judgements of each item that at least two people judged."""
    by_item: dict[int, list[Judged]] = defaultdict(list)
    for row in rows:
        by_item[row.item].append(row)
    return [group for group in by_item.values() if len(group) > 1]


def comparisons(judged: Judged) -> Iterator[tuple[tuple[int, int], int]]:
    """Each two ranked completions, and which of them is better."""
    for first, second in combinations(sorted(judged.ranks), 2):
        yield (first, second), outcome(judged.ranks[first], judged.ranks[second])


def outcome(first: int, second: int) -> int:
    """FIRST, TIE or SECOND, from two ranks."""
    return TIE if first == second else FIRST if first < second else SECOND
