"""What is decided about an annotator from how reliable they are found to be, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

TRUSTED, WATCHED, AWAY = "trusted", "watched", "away"
UNUSABLE = 0.65
"""A reliability surely below this is not worth its items: its weight in training is less than half of the usual."""
DOUBTFUL = 0.72
"""Below this, or surely below what is usual, somebody is looked at."""
USUAL = 0.8
CHANCE = 0.5


@dataclass(frozen=True, slots=True)
class Decision:
    """How far somebody's judgements can be used, and whether they surely say the opposite of what is right."""

    level: str
    is_adversary: bool


def decide(*, value: float, high: float) -> Decision:
    """From a reliability and the upper end of its interval of 90 %: it is below that end with 95 % probability.

    Nobody is routed away on few judgements, since then the interval reaches up to what is usual.
    """
    level = TRUSTED
    if high < UNUSABLE:
        level = AWAY
    elif value < DOUBTFUL or high < USUAL:
        level = WATCHED
    return Decision(level=level, is_adversary=high < CHANCE)
