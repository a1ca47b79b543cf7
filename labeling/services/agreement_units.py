"""The arithmetic of services.agreement on arrays: units with what each judge says of them, to what they add to sums."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labeling.quality.estimates import Floats
from labeling.quality.sums import BLOCKS, CATEGORIES, FLAG, RANKINGS, contributions, of_two, width

if TYPE_CHECKING:
    from labeling.services.agreement import Place, Said

Integers = NDArray[np.int64]
Sums = tuple[int | None, str, dt.date, Floats]
"""The person (None: all), the kind and the week, and what is added to their sums (BLOCKS, number of sums)."""


class Units:
    """What judgements, by their number, say of units of their items: the number of a category."""

    def __init__(self) -> None:
        self.judgements: list[int] = []
        self.units: list[Hashable] = []
        self.categories: list[int] = []

    def add(self, judgement: int, unit: Hashable, category: int) -> None:
        """One judgement of one unit of its item."""
        self.judgements.append(judgement)
        self.units.append(unit)
        self.categories.append(category)

    def arrays(self, rows: Sequence[Said]) -> tuple[Integers, Integers, Integers]:
        """Judgement, unit (numbered from 0 over all items) and category, sorted by unit and then by judgement."""
        numbers: dict[tuple[int, Hashable], int] = {}
        units = [
            numbers.setdefault((rows[judgement].item, unit), len(numbers))
            for judgement, unit in zip(self.judgements, self.units, strict=True)
        ]
        judgement, unit, category = (
            np.asarray(each, dtype=np.int64) for each in (self.judgements, units, self.categories)
        )
        order = np.lexsort((judgement, unit))
        return judgement[order], unit[order], category[order]


def spread(units: Units, rows: Sequence[Said], places: Mapping[int, Place], *, measure: str) -> Iterator[Sums]:
    """What the new judgements add to the sums of all people, and of each with each other person."""
    judgement, unit, category = units.arrays(rows)
    if not len(unit):
        return
    categories = CATEGORIES[measure]
    is_new = np.array([row.is_new for row in rows])[judgement]
    groups, names = _grouped(rows, places, by_person=False)
    blocks = np.array([places[row.item].block for row in rows])
    yield from _of_all(judgement, unit, category, is_new, groups, names, blocks, measure)

    groups, names = _grouped(rows, places, by_person=True)
    size = len(names) * BLOCKS * categories**2
    pairs = np.zeros(size)
    for one, other in _pairs(unit, is_new):
        for mine, theirs in ((one, other), (other, one)):
            who = judgement[mine]
            cell = (groups[who] * BLOCKS + blocks[who]) * categories**2 + category[mine] * categories + category[theirs]
            pairs += np.bincount(cell, minlength=size)
    table = of_two(categories) if measure != FLAG else of_two(categories) - of_two(categories)[0]
    for name, counted in zip(names, pairs.reshape(len(names), BLOCKS, categories**2), strict=True):
        if counted.any():
            yield *name, counted @ table


def _of_all(
    judgement: Integers,
    unit: Integers,
    category: Integers,
    is_new: NDArray[np.bool_],
    groups: Integers,
    names: Sequence[tuple[int | None, str, dt.date]],
    blocks: Integers,
    measure: str,
) -> Iterator[Sums]:
    categories, size = CATEGORIES[measure], int(unit.max()) + 1
    cells = unit * categories + category
    now = np.bincount(cells, minlength=size * categories).reshape(size, categories).astype(np.float64)
    before = np.bincount(cells[~is_new], minlength=size * categories).reshape(size, categories).astype(np.float64)
    change = _adds(now, measure) - _adds(before, measure)
    first = judgement[np.searchsorted(unit, np.arange(size))]
    sums = np.zeros((len(names) * BLOCKS, change.shape[1]))
    np.add.at(sums, groups[first] * BLOCKS + blocks[first], change)
    for name, each in zip(names, sums.reshape(len(names), BLOCKS, -1), strict=True):
        if each.any():
            yield *name, each


def _adds(counts: Floats, measure: str) -> Floats:
    """What units add; of a flag, beside what they would if it had been raised by nobody, which is counted for all."""
    if measure != FLAG:
        return contributions(counts)
    nobody = np.stack([counts.sum(axis=1), np.zeros(len(counts))], axis=1)
    return contributions(counts) - contributions(nobody)


def rankings(units: Units, rows: Sequence[Said], places: Mapping[int, Place]) -> Iterator[Sums]:
    """Kendall's tau-b of every two rankings of three completions or more: its sum, and how many there are.

    With s = 1, 0 or -1 for a comparison, it is sum(s s') / sqrt(sum(s^2) sum(s'^2)); one that is all ties has none.
    """
    judgement, unit, category = units.arrays(rows)
    is_new = np.array([row.is_new for row in rows], dtype=bool)[judgement]
    keys, products = [np.zeros(0, dtype=np.int64)], [np.zeros((0, 4))]
    for one, other in _pairs(unit, is_new):
        first, second = 1.0 - category[one], 1.0 - category[other]
        keys.append(judgement[one] * len(rows) + judgement[other])
        products.append(np.stack([first * second, first**2, second**2, np.ones(len(one))], axis=1))
    pairs, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    sums = np.zeros((len(pairs), 4))
    np.add.at(sums, inverse, np.concatenate(products))
    kept = (sums[:, 3] >= 3) & (sums[:, 1] > 0) & (sums[:, 2] > 0)
    tau = sums[kept, 0] / np.sqrt(sums[kept, 1] * sums[kept, 2])
    one, other = pairs[kept] // len(rows), pairs[kept] % len(rows)
    blocks = np.array([places[row.item].block for row in rows])
    for by_person in (False, True):
        groups, names = _grouped(rows, places, by_person=by_person)
        found = np.zeros((len(names) * BLOCKS, width(RANKINGS)))
        for who in (one, other) if by_person else (one,):
            np.add.at(found, groups[who] * BLOCKS + blocks[who], np.stack([tau, np.ones(len(tau))], axis=1))
        for name, each in zip(names, found.reshape(len(names), BLOCKS, -1), strict=True):
            if each.any():
                yield *name, each


def _pairs(unit: Integers, is_new: NDArray[np.bool_]) -> Iterator[tuple[Integers, Integers]]:
    """Every two judgements of a unit, one of which at least is new, as positions in arrays sorted by unit."""
    for distance in range(1, len(unit)):
        one = np.flatnonzero(unit[:-distance] == unit[distance:])
        if not len(one):
            return
        one = one[is_new[one] | is_new[one + distance]]
        if len(one):
            yield one, one + distance


def _grouped(
    rows: Sequence[Said], places: Mapping[int, Place], *, by_person: bool
) -> tuple[Integers, list[tuple[int | None, str, dt.date]]]:
    """The number of the group that each judgement counts in, and the groups."""
    numbers: dict[tuple[int | None, str, dt.date], int] = {}
    groups = [
        numbers.setdefault(
            (row.annotator if by_person else None, places[row.item].kind, places[row.item].week), len(numbers)
        )
        for row in rows
    ]
    return np.asarray(groups, dtype=np.int64), list(numbers)
