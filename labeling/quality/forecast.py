"""When the work will be done, if the coming days are like the last ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_DAYS = 3
"""Days below which nothing is said of the coming ones."""
LONGEST = 3_650
"""Days beyond which nothing is said either."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days until the end: the median of simulated futures, and what 90 of 100 lie between."""

    days: int
    low: int
    high: int


def forecast(daily: Sequence[int], remaining: int, *, futures: int = 1000, seed: int = 0) -> Forecast | None:
    """Simulate futures whose days are drawn from past ones (a bootstrap of days), until what remains is done.

    Args:
        daily: judgements of each of the last whole days, also of those on which nobody worked.
        remaining: judgements that are still wanted.

    Returns:
        None when there are too few days, when nothing was done in them, or when it would take ten years.
    """
    if remaining <= 0:
        return Forecast(0, 0, 0)
    if len(daily) < FEWEST_DAYS or not any(daily):
        return None
    past = np.asarray(daily, dtype=np.int64)
    horizon = int(min(LONGEST, 20 + 3 * remaining / past.mean()))
    drawn = np.random.default_rng(seed).choice(past, (futures, horizon)).cumsum(axis=1)
    days = np.where(drawn[:, -1] >= remaining, (drawn < remaining).sum(axis=1) + 1, LONGEST + 1)
    low, middle, high = np.quantile(days, [0.05, 0.5, 0.95], method="nearest")
    return None if high > LONGEST else Forecast(days=int(middle), low=int(low), high=int(high))
