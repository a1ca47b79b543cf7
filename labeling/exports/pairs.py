"""The pairs that a ranking decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from labeling.models import Outcome
from labeling.selectors.stored import StoredJudgement


def pairs_of(judgement: StoredJudgement, counts: Counter[str]) -> Iterator[tuple[int, int, Outcome]]:
    """Positions (chosen, rejected) of each pair of a ranking; of a tie the one that stands first is told first."""
    ranks = judgement.ranks
    for first, second in combinations(range(len(ranks)), 2):
        better, worse = ranks[first], ranks[second]
        if better is None or worse is None:
            counts["unranked_left_out"] += 1
        elif better == worse:
            yield first, second, Outcome.TIE
        else:
            yield (first, second, Outcome.WIN) if better < worse else (second, first, Outcome.WIN)


def margin_of(judgement: StoredJudgement, chosen: int, rejected: int) -> int | None:
    """By how much the chosen completion is rated higher; None without both ratings."""
    better, worse = judgement.ratings[chosen], judgement.ratings[rejected]
    return None if better is None or worse is None else better - worse
