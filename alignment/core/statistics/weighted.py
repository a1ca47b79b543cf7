"""What is true in general, estimated from what was asked about actively.

Active questions are hard ones, and a mean over them tells of hard questions (Farquhar et al., 2021). With the
propensity of each choice the mean over everything that could have been asked is estimated without bias: each value
weighs w = what its probability would be with all chosen at random / what it was.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from alignment.core.statistics.intervals import Interval, cluster_bootstrap


def hajek(
    values: ArrayLike,
    weights: ArrayLike,
    prompts: Sequence[Hashable],
    *,
    seed: int,
    level: float = 0.95,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Interval:
    """sum w z / sum w (Hajek, 1971): consistent, within the values' range, and the less variable of the two.

    Args:
        values: of each judgement that was asked for, as whether the reward model agreed with it, (N,).
        weights: random propensity / propensity of its item, above 0, (N,).
        prompts: what each belongs to, N; the prompt is what is drawn again for the interval.

    Raises:
        ValueError: see cluster_bootstrap; or a weight that is not above 0 and finite.
    """
    _check(weights)
    return cluster_bootstrap(values, prompts, seed=seed, weights=weights, level=level, bounds=bounds)


def horvitz_thompson(values: ArrayLike, weights: ArrayLike) -> float:
    """(1 / N) sum w z (Horvitz and Thompson, 1952): unbiased, though a share may come out above 1.

    Args:
        values, weights: as for hajek, of all N items of the rounds; none may be missing.

    Raises:
        ValueError: nothing to average, lengths differ, or a weight that is not above 0 and finite.
    """
    z, w = np.asarray(values, dtype=float), _check(weights)
    if z.ndim != 1 or z.shape != w.shape or not len(z):
        raise ValueError(f"values is {z.shape}, weights is {w.shape}: must be (N,) both, and not empty")
    return float((w * z).mean())


def effective_size(weights: ArrayLike) -> float:
    """How many judgements of items chosen at random would tell as much: (sum w)^2 / sum w^2 (Kish, 1965)."""
    w = _check(weights)
    return float(w.sum() ** 2 / (w**2).sum())


def _check(weights: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    w = np.asarray(weights, dtype=float)
    if not (np.isfinite(w) & (w > 0)).all():
        raise ValueError(f"weights holds {w[~(np.isfinite(w) & (w > 0))][0]}, must be above 0 and finite")
    return w
