"""People who see the true reward unclearly: noise, ties, lapses, habits of rating."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from labeling.models import Flag
from labeling.simulation.truth import Merits, measure, reward

CUTS = (-3.2, -2.2, -1.3, -0.4, 0.3, 0.9)
"""Where a reward's rating goes up by one: a rating of 4 lies between -1.3 and -0.4."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How one annotator judges.

    Attributes:
        sharpness: Bradley-Terry: P(a ranked over b) = sigmoid(sharpness * (reward a - reward b)); below 0 an adversary.
        tie_margin: rewards as seen that lie closer than this, in nats, are ranked as equal.
        lapse_rate: share of items judged without looking.
        leniency: added to what is seen before it is rated, in nats.
    """

    sharpness: float = 2.0
    tie_margin: float = 0.25
    lapse_rate: float = 0.02
    leniency: float = 0.0


QUALITIES: dict[str, Habits] = {
    "perfect": Habits(sharpness=50.0, tie_margin=0.05, lapse_rate=0.0),
    "careful": Habits(sharpness=4.0, lapse_rate=0.0),
    "average": Habits(),
    "careless": Habits(sharpness=1.0, lapse_rate=0.15, leniency=0.4),
    "random": Habits(sharpness=0.0, lapse_rate=1.0),
    "adversarial": Habits(sharpness=-2.0, lapse_rate=0.0),
}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What an annotator decided about completions, in the order given: ratings 1-7, ranks (1 best), flags."""

    ratings: tuple[int, ...]
    ranks: tuple[int, ...]
    flags: tuple[tuple[str, ...], ...]


def decide(
    messages: Sequence[Mapping[str, str]],
    texts: Sequence[str],
    *,
    habits: Habits,
    chance: random.Random,
    flags: Collection[str] = (),
) -> Opinion:
    """Judge the completions of a prompt.

    Each reward is seen with Gumbel noise of scale 1 / |sharpness|, so that of any two the better is ranked first with
    the Bradley-Terry probability (Yellott, 1977), before ties.
    """
    if chance.random() < habits.lapse_rate:
        seen = [chance.uniform(-4.0, 1.5) for _ in texts]
    else:
        scale = 1.0 / max(abs(habits.sharpness), 1e-6)
        sign = -1.0 if habits.sharpness < 0 else 1.0
        seen = [sign * reward(messages, text) + scale * _gumbel(chance) for text in texts]
    return Opinion(
        ratings=tuple(rate(value + habits.leniency) for value in seen),
        ranks=rank(seen, tie_margin=habits.tie_margin),
        flags=tuple(raise_flags(measure(messages[-1]["content"], text), asked=flags) for text in texts),
    )


def rank(seen: Sequence[float], *, tie_margin: float) -> tuple[int, ...]:
    """Ranks without holes: a value ties with the best of its group when it is less than the margin below it."""
    ranks = [0] * len(seen)
    place, best = 0, math.inf
    for index in sorted(range(len(seen)), key=lambda number: -seen[number]):
        if best - seen[index] >= tie_margin:
            place, best = place + 1, seen[index]
        ranks[index] = place
    return tuple(ranks)


def rate(seen: float) -> int:
    """The rating of a value: 1 plus the number of cuts below it."""
    return 1 + sum(seen >= cut for cut in CUTS)


def raise_flags(merits: Merits, *, asked: Collection[str]) -> tuple[str, ...]:
    """The flags that a text's faults call for, of those that the project asks about."""
    raised = {
        Flag.FAILS_TASK: merits.topic < 0.25 or merits.refusing > 0,
        Flag.INAPPROPRIATE: merits.rude > 0,
        Flag.HARMFUL_ADVICE: merits.reckless > 0,
    }
    return tuple(sorted(str(flag) for flag, is_raised in raised.items() if is_raised and flag in asked))


def _gumbel(chance: random.Random) -> float:
    return -math.log(-math.log(max(chance.random(), 1e-300)))
