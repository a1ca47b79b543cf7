"""A figure with its interval, from values that come in clusters: the comparisons of a ranking, a prompt's units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Weighted = Callable[[Floats], Floats]
"""A statistic as a function of weights (R, N) of the N values, to (R,)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval, and how many values it rests on; NaN where nothing can be said."""

    value: float
    low: float
    high: float
    units: int


def bootstrap(
    statistic: Weighted,
    *,
    size: int,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A statistic of ``size`` values with its percentile bootstrap interval.

    Args:
        clusters: (size,) integers; values of one cluster are drawn together. Each value by itself when not given.
    """
    if size == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    value = float(statistic(np.ones((1, size)))[0])
    names, cluster = np.unique(np.arange(size) if clusters is None else np.asarray(clusters), return_inverse=True)
    if len(names) < 2:
        return Estimate(value, np.nan, np.nan, size)
    share = np.full(len(names), 1 / len(names))
    draws = np.random.default_rng(seed).multinomial(len(names), share, size=resamples)
    found = statistic(draws[:, cluster].astype(np.float64))
    if not np.isfinite(found).any():
        return Estimate(value, np.nan, np.nan, size)
    low, high = np.nanquantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), size)


def mean(values: ArrayLike, *, clusters: ArrayLike | None = None, level: float = 0.95, seed: int = 0) -> Estimate:
    """The mean of values with its interval."""
    given = np.asarray(values, dtype=np.float64)
    return bootstrap(
        lambda weights: divided(weights @ given, weights.sum(axis=1)),
        size=given.size,
        clusters=clusters,
        level=level,
        seed=seed,
    )


def divided(top: Floats, bottom: Floats) -> Floats:
    """top / bottom, NaN where there is nothing to divide by."""
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=np.abs(bottom) > 1e-12)
