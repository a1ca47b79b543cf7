"""How well the people of a project judge: all that is computed from their last judgements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import TypeAlias

import numpy as np

from labeling.quality import bias, judged
from labeling.quality.estimates import Estimate, mean
from labeling.quality.judged import Judged
from labeling.quality.reliability import reliabilities


@dataclass(frozen=True, slots=True)
class FlagFigures:
    """Of one flag: the share of judged completions that it is raised on."""

    flag: str
    share: float


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """Of one annotator.

    Attributes:
        agreement: on completions that others compared as well, the share of others who say the same.
        reliability: the chance of being right, with everybody's taken into account (Crowd-BT); NaN with too few
            comparisons that two others made too.
    """

    annotator: int
    judgements: int
    agreement: Estimate
    reliability: float
    first_shown: Estimate
    longer: Estimate
    middle: Estimate
    median_seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """Habits, of all and of each. An estimate of 0 units says that there is nothing to compute it from."""

    judgements: int
    shared_items: int
    flags: list[FlagFigures]
    first_shown: Estimate
    longer: Estimate
    middle: Estimate
    unchanged: Estimate
    time: Estimate
    people: list[PersonFigures]


def report(rows: Sequence[Judged], *, lengths: Mapping[int, int], flags: Sequence[str]) -> Report:
    """All figures of these judgements.

    Args:
        lengths: characters of each completion.
        flags: those that the project asks for.
    """
    groups = judged.shared(rows)
    won, same = _decided(rows), _same_as_others(groups)
    return Report(
        judgements=len(rows),
        shared_items=len(groups),
        flags=[_flag(flag, rows) for flag in flags],
        first_shown=_first_shown(won),
        longer=_longer(won, lengths),
        middle=_middle(rows),
        unchanged=_unchanged(rows),
        time=_time(same),
        people=_people(rows, groups, same, lengths),
    )


def _flag(flag: str, rows: Sequence[Judged]) -> FlagFigures:
    shown = sum(len(row.order) for row in rows)
    found = sum(flag in raised for row in rows for raised in row.flags.values())
    return FlagFigures(flag, found / shown if shown else float("nan"))


Won: TypeAlias = tuple[int, int, int, Judged]
"""A comparison that was won: the number of the ranking, who won, who lost, and the judgement."""
Same: TypeAlias = list[tuple[Judged, list[float]]]
"""Of each judgement that others can agree with: for each comparison, the share of them who say the same."""


def _decided(rows: Sequence[Judged]) -> list[Won]:
    won = []
    for number, row in enumerate(rows):
        for first, second in combinations(row.ranks, 2):
            if row.ranks[first] != row.ranks[second]:
                chosen, rejected = (first, second) if row.ranks[first] < row.ranks[second] else (second, first)
                won.append((number, chosen, rejected, row))
    return won


def _first_shown(won: Sequence[Won]) -> Estimate:
    places = [(row.order.index(chosen), row.order.index(rejected)) for _, chosen, rejected, row in won]
    return bias.first_shown_wins(
        [chosen for chosen, _ in places], [rejected for _, rejected in places], clusters=[number for number, *_ in won]
    )


def _longer(won: Sequence[Won], lengths: Mapping[int, int]) -> Estimate:
    return bias.longer_wins(
        [lengths[chosen] for _, chosen, _, _ in won],
        [lengths[rejected] for _, _, rejected, _ in won],
        clusters=[number for number, *_ in won],
    )


def _middle(rows: Sequence[Judged]) -> Estimate:
    given = [(number, rating) for number, row in enumerate(rows) for rating in row.ratings.values()]
    return bias.middle_ratings([rating for _, rating in given], clusters=[number for number, _ in given])


def _unchanged(rows: Sequence[Judged]) -> Estimate:
    ranked = [row for row in rows if len(row.ranks) > 2]
    return mean([[row.ranks[each] for each in row.order] == list(range(1, len(row.order) + 1)) for row in ranked])


def _time(same: Same) -> Estimate:
    timed = [(row.seconds, float(np.mean(said))) for row, said in same if row.seconds > 0]
    return bias.time_against_agreement([seconds for seconds, _ in timed], [said for _, said in timed])


def _same_as_others(groups: Sequence[Sequence[Judged]]) -> Same:
    found: Same = []
    for group in groups:
        answers = [dict(judged.comparisons(row)) for row in group]
        for row, own in zip(group, answers, strict=True):
            shares = []
            for pair, category in own.items():
                said = [other[pair] for other in answers if other is not own and pair in other]
                if said:
                    shares.append(said.count(category) / len(said))
            if shares:
                found.append((row, shares))
    return found


def _people(
    rows: Sequence[Judged], groups: Sequence[Sequence[Judged]], same: Same, lengths: Mapping[int, int]
) -> list[PersonFigures]:
    theirs: dict[int, list[Judged]] = defaultdict(list)
    shares: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for row in rows:
        theirs[row.annotator].append(row)
    for row, said in same:
        shares[row.annotator] += [(row.prompt, share) for share in said]
    reliable = reliabilities(groups)
    return [
        PersonFigures(
            annotator=person,
            judgements=len(own),
            agreement=mean([share for _, share in shares[person]], clusters=[prompt for prompt, _ in shares[person]]),
            reliability=reliable[person].value if person in reliable else float("nan"),
            first_shown=_first_shown(won := _decided(own)),
            longer=_longer(won, lengths),
            middle=_middle(own),
            median_seconds=median(row.seconds for row in own),
        )
        for person, own in sorted(theirs.items())
    ]
