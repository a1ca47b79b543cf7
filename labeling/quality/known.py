"""How much of a known answer a judgement found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

WITHIN = 1
"""How far a rating may be from the known one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is decided about completions, by their ids; what is not known is left out."""

    ranks: Mapping[int, int] = field(default_factory=dict)
    ratings: Mapping[int, int] = field(default_factory=dict)
    best: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Of what was asked, how much was right."""

    right: int
    asked: int


def find(known: Answer, judged: Answer) -> Found:
    """Compare a judgement with the known answer, in as far as both speak of the same.

    Each two completions of which the known answer ranks one before the other are asked about (a tie in the known
    answer says that nobody can tell, so it asks nothing), each rating (right within 1), and the pick of the best.
    A judgement that picks is asked for the one that the known answer ranks first, when there is one such.
    """
    answers = [*_comparisons(known, judged), *_ratings(known, judged), *_picks(known, judged)]
    return Found(right=sum(answers), asked=len(answers))


def num_asked(known: Answer) -> int:
    """How much a judgement that says all that the known answer says is asked."""
    return find(known, known).asked


def _comparisons(known: Answer, judged: Answer) -> list[bool]:
    return [
        (judged.ranks[first] < judged.ranks[second]) == (known.ranks[first] < known.ranks[second])
        and judged.ranks[first] != judged.ranks[second]
        for first, second in combinations(sorted(known.ranks.keys() & judged.ranks.keys()), 2)
        if known.ranks[first] != known.ranks[second]
    ]


def _ratings(known: Answer, judged: Answer) -> list[bool]:
    both = known.ratings.keys() & judged.ratings.keys()
    return [abs(known.ratings[each] - judged.ratings[each]) <= WITHIN for each in sorted(both)]


def _picks(known: Answer, judged: Answer) -> list[bool]:
    if judged.best is None:
        return []
    best = known.best
    if best is None:
        first = [completion for completion, rank in known.ranks.items() if rank == 1]
        best = first[0] if len(first) == 1 else None
    return [] if best is None else [judged.best == best]


def to_answer(stored: Mapping[str, Any]) -> Answer:
    """A known answer as it is stored; JSON makes texts of the ids."""
    return Answer(
        ranks={int(pk): rank for pk, rank in stored.get("ranks", {}).items()},
        ratings={int(pk): rating for pk, rating in stored.get("ratings", {}).items()},
        best=stored.get("best"),
    )
