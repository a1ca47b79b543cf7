"""Habits of annotators that are no judgement: each as a figure with its interval, for one person or for all."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from labeling.quality.estimates import Estimate, bootstrap, divided, mean

MIDDLE = 4
"""Of the ratings 1 to 7."""


def first_shown_wins(
    chosen_position: ArrayLike, rejected_position: ArrayLike, *, clusters: ArrayLike | None = None
) -> Estimate:
    """Share of comparisons that the completion shown earlier won; 1/2 where the order shown does not matter.

    Args:
        chosen_position, rejected_position: (N,) places in the order shown, of comparisons without a tie.
        clusters: (N,) the ranking that each comparison came from.
    """
    earlier = np.asarray(chosen_position) < np.asarray(rejected_position)
    return mean(earlier, clusters=clusters)


def longer_wins(chosen_length: ArrayLike, rejected_length: ArrayLike, *, clusters: ArrayLike | None = None) -> Estimate:
    """Share of comparisons that the longer completion won, ties and equal lengths left out.

    It is not 1/2 for a fair judge where longer completions are better: compare annotators with each other, and the
    figure with the one of the reward model.
    """
    chosen, rejected = np.asarray(chosen_length), np.asarray(rejected_length)
    told_apart = chosen != rejected
    return mean(
        (chosen > rejected)[told_apart], clusters=None if clusters is None else np.asarray(clusters)[told_apart]
    )


def middle_ratings(ratings: ArrayLike, *, clusters: ArrayLike | None = None) -> Estimate:
    """Share of ratings in the middle of the scale."""
    return mean(np.asarray(ratings) == MIDDLE, clusters=clusters)


def unchanged_orders(orders_shown: ArrayLike, ranks: ArrayLike) -> Estimate:
    """Share of rankings that are just the order in which the completions were shown, none tied.

    Args:
        orders_shown: (N, K) completions in the order shown.
        ranks: (N, K) ranks of the same completions in the same places; with K = 4, 1 in 24 by chance.
    """
    shown = np.asarray(orders_shown)
    expected = np.arange(1, shown.shape[1] + 1) if shown.ndim == 2 else np.zeros(0)
    return mean((np.asarray(ranks) == expected).all(axis=1) if shown.size else [])


def time_against_agreement(seconds: ArrayLike, agreement: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Spearman's correlation of the active time of judgements with how well they agree with others' judgements.

    A clear positive value says that those who take their time are right more often; near 0 all is well.
    """
    times, agreeing = (
        stats.rankdata(np.asarray(each, dtype=np.float64)) if np.size(each) else np.zeros(0)
        for each in (seconds, agreement)
    )

    def correlation(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1, keepdims=True)
        centred = [each - weights @ each[:, None] / total for each in (times, agreeing)]
        covariance = (weights * centred[0] * centred[1]).sum(axis=1)
        spread = np.sqrt((weights * centred[0] ** 2).sum(axis=1) * (weights * centred[1] ** 2).sum(axis=1))
        return divided(covariance, spread)

    return bootstrap(correlation, size=times.size, level=level)
