"""A figure with its interval, from values that come in clusters: the comparisons of a ranking, a prompt's units.

A figure here is a function of sums over values: a mean of their sum and number, a coefficient of agreement of sums of
coincidences. So each cluster is summed up once, and a bootstrap only weighs the clusters anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
OfSums = Callable[[Floats], Floats]
"""A figure as a function of sums (R, F), one row for each resample, to (R,)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval, and how many values it rests on; NaN where nothing can be said."""

    value: float
    low: float
    high: float
    units: int


def bootstrap(
    features: Floats,
    figure: OfSums,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A figure with its percentile bootstrap interval.

    Args:
        features: (N, F) what of each value is summed up.
        clusters: (N,) integers; values of one cluster are drawn together. Each value by itself when not given.
    """
    size = len(features)
    if size == 0:
        return Estimate(np.nan, np.nan, np.nan, 0)
    value = float(figure(features.sum(axis=0, keepdims=True))[0])
    names, cluster = np.unique(np.arange(size) if clusters is None else np.asarray(clusters), return_inverse=True)
    if len(names) < 2:
        return Estimate(value, np.nan, np.nan, size)
    sums = np.zeros((len(names), features.shape[1]))
    np.add.at(sums, cluster, features)
    found = figure(drawn(len(names), resamples, seed) @ sums)
    if not np.isfinite(found).any():
        return Estimate(value, np.nan, np.nan, size)
    low, high = np.nanquantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), size)


def drawn(size: int, resamples: int, seed: int) -> Floats:
    """How often each of ``size`` clusters is in each resample, (R, size)."""
    which = np.random.default_rng(seed).integers(0, size, (resamples, size)) + size * np.arange(resamples)[:, None]
    return np.bincount(which.ravel(), minlength=resamples * size).reshape(resamples, size).astype(np.float64)


def mean(values: ArrayLike, *, clusters: ArrayLike | None = None, resamples: int = 1000, seed: int = 0) -> Estimate:
    """The mean of values with its interval."""
    given = np.asarray(values, dtype=np.float64)
    features = np.stack([given, np.ones_like(given)], axis=1)
    return bootstrap(
        features, lambda sums: divided(sums[:, 0], sums[:, 1]), clusters=clusters, resamples=resamples, seed=seed
    )


def divided(top: Floats, bottom: Floats) -> Floats:
    """top / bottom, NaN where there is nothing to divide by."""
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=np.abs(bottom) > 1e-12)


def wilson(right: int, asked: int, *, z: float = 1.959964) -> Estimate:
    """The share right / asked with Wilson's score interval (1927), which is sound near 0 and 1 and for few."""
    if not asked:
        return Estimate(np.nan, np.nan, np.nan, 0)
    return _score(right, asked, worth=asked, z=z)


def _score(right: int, asked: int, *, worth: float, z: float) -> Estimate:
    """The share with Wilson's interval, as of ``worth`` independent trials."""
    share = right / asked
    middle = share + z**2 / (2 * worth)
    half = z * np.sqrt(share * (1 - share) / worth + z**2 / (4 * worth**2))
    low, high = (float((middle + side) / (1 + z**2 / worth)) for side in (-half, half))
    return Estimate(share, max(0.0, low), min(1.0, high), asked)


def ratio(top: int, bottom: int, *, squares: Sequence[float], z: float = 1.959964) -> Estimate:
    """A ratio of sums over clusters with the interval of its linearized variance (Cochran 1977, eq. 6.13).

    Args:
        squares: over the clusters the sums of top squared, of top times bottom, and of bottom squared.
    """
    if not bottom:
        return Estimate(np.nan, np.nan, np.nan, 0)
    share = top / bottom
    of_top, mixed, of_bottom = squares
    spread = z * np.sqrt(max(0.0, of_top - 2 * share * mixed + share**2 * of_bottom)) / bottom
    return Estimate(share, max(0.0, float(share - spread)), min(1.0, float(share + spread)), bottom)


def clustered_wilson(right: int, asked: int, *, squares: Sequence[float], z: float = 1.959964) -> Estimate:
    """The share right / asked with Wilson's interval for as many independent trials as the clusters are worth.

    That number is asked over the design effect (Kish, 1965): the linearized variance of the ratio over p (1 - p) / n.
    At 0 and at 1 no variance is seen: then clusters count as if all within one were the same.

    Args:
        squares: as for ratio.
    """
    if not asked:
        return Estimate(np.nan, np.nan, np.nan, 0)
    share = right / asked
    of_right, mixed, of_asked = squares
    if 0 < right < asked:
        seen = max(0.0, of_right - 2 * share * mixed + share**2 * of_asked) / (share * (1 - share) * asked)
    else:
        seen = of_asked / asked
    return _score(right, asked, worth=asked / max(1.0, seen), z=z)
