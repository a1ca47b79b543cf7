"""How far each annotator can be relied upon, and what that makes their judgements weigh in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labeling.quality import judged
from labeling.quality.judged import Judged

FEW = 10
"""Comparisons shared with two others below which nothing is said of a person's reliability."""
CROWD = 3
"""Judgements of an item from which one can tell who is right: of two who differ each may be."""
USUAL = 0.8
"""The reliability of somebody of whom nothing is known: the mean of the prior (crowd_bradley_terry.CAREFUL)."""


@dataclass(frozen=True, slots=True)
class Reliable:
    """The chance that somebody is right about a comparison, with its interval of 90 %.

    Attributes:
        comparisons: those that it was found from and two others made, too.
        known: comparisons whose answer is known, in what they weigh, and of these ``known_right``.
    """

    value: float
    comparisons: int
    low: float = 0.0
    high: float = 1.0
    known: float = 0.0
    known_right: float = 0.0


Known = Mapping[int, tuple[float, float]]
"""By annotator: comparisons of known answer that they were right and wrong about (known.evidence)."""


def reliabilities(groups: Sequence[Sequence[Judged]], *, known: Known | None = None) -> dict[int, Reliable]:
    """Crowd-BT on what three people or more compared, and on known answers; of those with enough of both together.

    Args:
        groups: the judgements of each item (judged.shared), without those of known answers.
    """
    known = known or {}
    worth = {judged.FIRST: 1.0, judged.TIE: 0.5, judged.SECOND: 0.0}
    votes = [
        (pair, row.annotator, worth[category])
        for group in groups
        if len(group) >= CROWD
        for row in group
        for pair, category in judged.comparisons(row)
    ]
    if not votes and not known:
        return {}
    from labeling.quality.crowd_bradley_terry import Votes, fit  # scipy costs a second: only those pay who fit

    completions = {each: number for number, each in enumerate(sorted({one for pair, *_ in votes for one in pair}))}
    people = {each: number for number, each in enumerate(sorted({person for _, person, _ in votes} | known.keys()))}
    found = fit(
        Votes.of(
            first=[completions[first] for (first, _), _, _ in votes],
            second=[completions[second] for (_, second), _, _ in votes],
            annotator=[people[person] for _, person, _ in votes],
            outcome=[outcome for _, _, outcome in votes],
        ),
        num_completions=len(completions),
        num_annotators=len(people),
        known=[known.get(person, (0.0, 0.0)) for person in people],
    )
    made = Counter(person for _, person, _ in votes)
    return {
        person: Reliable(
            value=float(found.reliabilities[number]),
            comparisons=made[person],
            low=float(found.low[number]),
            high=float(found.high[number]),
            known=sum(known.get(person, ())),
            known_right=known.get(person, (0.0, 0.0))[0],
        )
        for person, number in people.items()
        if made[person] + sum(known.get(person, ())) >= FEW
    }


def weight(value: float, *, inverts: bool = False) -> float:
    """What a judgement of somebody with this reliability counts, 1 for somebody of whom nothing is known.

    At equal scores the likelihood of Crowd-BT rises with a vote by (2 eta - 1) / 2, that of plain Bradley-Terry by 1/2:
    to weigh the loss by 2 eta - 1 is to take its slope there. Who answers by chance counts nothing, and so does who
    answers the opposite, unless the project ``inverts``: then it is negative, and says to turn the judgement around.
    """
    slope = (2 * value - 1) / (2 * USUAL - 1)
    return round(slope if inverts else max(0.0, slope), 4)
