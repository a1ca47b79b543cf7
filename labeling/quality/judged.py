"""Judgements as rows, and the units on which people who judged the same can agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from labeling.quality.agreement import table
from labeling.quality.estimates import Floats

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


Answers: TypeAlias = Iterable[tuple[object, int]]
"""What one judgement says: units and the number of the category that each is put into."""


@dataclass(frozen=True, slots=True)
class Units:
    """Units judged by two people or more: counts (N, C) of the categories, and the prompt (N,) of each."""

    counts: Floats
    prompts: NDArray[np.intp]


def shared(rows: Iterable[Judged]) -> list[list[Judged]]:
    """The judgements of each item that at least two people judged."""
    by_item: dict[int, list[Judged]] = defaultdict(list)
    for row in rows:
        by_item[row.item].append(row)
    return [group for group in by_item.values() if len(group) > 1]


def units(groups: Sequence[Sequence[Judged]], says: Callable[[Judged], Answers], *, num_categories: int) -> Units:
    """The units of these groups, by what each judgement ``says``."""
    numbers: dict[tuple[int, object], int] = {}
    rows: list[int] = []
    categories: list[int] = []
    prompts: list[int] = []
    for group in groups:
        for judged in group:
            for unit, category in says(judged):
                number = numbers.setdefault((judged.item, unit), len(numbers))
                if number == len(prompts):
                    prompts.append(judged.prompt)
                rows.append(number)
                categories.append(category)
    return Units(table(rows, categories, num_categories=num_categories), np.array(prompts, dtype=np.intp))


def comparisons(judged: Judged) -> Iterator[tuple[tuple[int, int], int]]:
    """Each two ranked completions, and which of them is better."""
    for first, second in combinations(sorted(judged.ranks), 2):
        yield (first, second), outcome(judged.ranks[first], judged.ranks[second])


def outcome(first: int, second: int) -> int:
    """FIRST, TIE or SECOND, from two ranks."""
    return TIE if first == second else FIRST if first < second else SECOND


def ratings(judged: Judged) -> Answers:
    """Each rated completion, and its rating counted from 0."""
    return ((completion, rating - 1) for completion, rating in judged.ratings.items())


def picks(judged: Judged) -> Answers:
    """The item, and which of its completions was picked, counted in the order of ids."""
    return [(None, sorted(judged.order).index(judged.best))] if judged.best is not None else []


def raised(flag: str) -> Callable[[Judged], Answers]:
    """Each judged completion, and whether this flag was raised on it."""
    return lambda judged: ((completion, int(flag in judged.flags.get(completion, ()))) for completion in judged.order)
