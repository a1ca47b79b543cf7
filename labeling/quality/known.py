"""How much of a known answer a judgement found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from labeling.quality.judged import Judged

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


def evidence(known: Answer, judged: Answer, *, num_completions: int) -> tuple[float, float]:
    """What a judgement says of whoever made it, as comparisons that were right and wrong: who answers by chance has as
    many of the one as of the other.

    Two completions of which the known answer ranks one before the other, or, where it only rates, rates them two apart
    or more; a tie is half of each. One who picks among K is right once in K by chance: a wrong pick is 1 / (K - 1).
    """
    pairs = [
        (pair, known.ranks[pair[0]] < known.ranks[pair[1]])
        for pair in combinations(sorted(known.ranks.keys() & judged.ranks.keys()), 2)
        if known.ranks[pair[0]] != known.ranks[pair[1]]
    ]
    said: Mapping[int, int] = judged.ranks
    if not pairs:
        said = {pk: -rating for pk, rating in judged.ratings.items()}
        pairs = [
            (pair, known.ratings[pair[0]] > known.ratings[pair[1]])
            for pair in combinations(sorted(known.ratings.keys() & said.keys()), 2)
            if abs(known.ratings[pair[0]] - known.ratings[pair[1]]) > WITHIN
        ]
    worth = [0.5 if said[a] == said[b] else float((said[a] < said[b]) == is_first) for (a, b), is_first in pairs]
    right, wrong = sum(worth), len(worth) - sum(worth)
    for is_right in _picks(known, judged):
        right, wrong = right + is_right, wrong + (not is_right) / max(1, num_completions - 1)
    return right, wrong


def evidence_by_annotator(rows: Iterable[Judged], answers: Mapping[int, Answer]) -> dict[int, tuple[float, float]]:
    """What all judgements of items with known answers (by item) say of each annotator: right and wrong."""
    found: dict[int, tuple[float, float]] = {}
    for row in rows:
        if row.item in answers:
            said = Answer(ranks=row.ranks, ratings=row.ratings, best=row.best)
            right, wrong = evidence(answers[row.item], said, num_completions=len(row.order))
            before = found.get(row.annotator, (0.0, 0.0))
            found[row.annotator] = (before[0] + right, before[1] + wrong)
    return found


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
