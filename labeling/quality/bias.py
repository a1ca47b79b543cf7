"""Habits of annotators that are no judgement: each as a figure with its interval, for one person or for all."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labeling.quality.estimates import Estimate, Floats, bootstrap, divided, mean

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


def time_against_agreement(seconds: ArrayLike, agreement: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Spearman's correlation of the active time of judgements with how well they agree with others' judgements.

    A clear positive value says that those who take their time are right more often; near 0 all is well.
    """
    x, y = _ranks(seconds), _ranks(agreement)
    features = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)

    def correlation(sums: Floats) -> Floats:
        count, by_x, by_y, xy, xx, yy = sums.T
        return divided(
            xy - by_x * by_y / count, np.sqrt(np.maximum((xx - by_x**2 / count) * (yy - by_y**2 / count), 0))
        )

    return bootstrap(features, correlation, level=level)


def _ranks(values: ArrayLike) -> Floats:
    """Places in order from the middle one, (N,), equal values in the mean of theirs. Loading scipy takes a second."""
    _, inverse, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    places: Floats = np.cumsum(counts) - (counts - 1) / 2
    return places[inverse] - (len(inverse) + 1) / 2
