"""From learning curves to figures: how many labels a win rate needs, ratios of that, their intervals over worlds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Curve = Sequence[tuple[int, float]]
"""Labels and the win rate that they gave, by labels."""
WINDOW = 5
"""Measurements that are averaged: one alone is off by a percent or two."""
LEVELS = 20
"""Win rates at which two curves are compared."""


def smoothed(curve: Curve) -> list[tuple[float, float]]:
    """The means of so many neighbouring measurements, of labels and win rates alike."""
    if len(curve) < WINDOW:
        return [(float(labels), rate) for labels, rate in curve]
    points = np.asarray(curve, dtype=float)
    means = np.stack([points[start : start + WINDOW].mean(axis=0) for start in range(len(points) - WINDOW + 1)])
    return [(float(labels), float(rate)) for labels, rate in means]


def labels_needed(curve: Curve, target: float) -> float | None:
    """The labels at which a smoothed curve first reaches a win rate, interpolated; None where it never does."""
    before: tuple[float, float] | None = None
    for labels, rate in smoothed(curve):
        if rate >= target:
            if before is None:
                return labels
            share = (target - before[1]) / (rate - before[1])
            return before[0] + share * (labels - before[0])
        before = (labels, rate)
    return None


def highest(curve: Curve) -> float:
    """The best win rate of a smoothed curve."""
    return max((rate for _, rate in smoothed(curve)), default=0.0)


def labels_ratio(many: Curve, few: Curve) -> float | None:
    """Labels of the one over labels of the other for the same win rate: the geometric mean over LEVELS win rates.

    They lie evenly from where the later one begins to the best that both reach: at one of them alone, two loops that
    learn alike differ by a third by chance. None where one ends below the beginning of the other.
    """
    if not many or not few:
        return None
    lowest = max(smoothed(curve)[0][1] for curve in (many, few))
    best = min(highest(many), highest(few))
    if best <= lowest:
        return None
    ratios = []
    for level in np.linspace(lowest, best, LEVELS):
        needs = [labels_needed(curve, float(level)) for curve in (many, few)]
        if needs[0] and needs[1]:
            ratios.append(needs[0] / needs[1])
    return float(np.exp(np.log(ratios).mean()))


def mean_with_interval(values: Sequence[float], *, resamples: int = 4000, seed: int = 0) -> dict[str, Any]:
    """The mean over worlds with its 95 % bootstrap interval; one world has none."""
    found = np.asarray(values, dtype=float)
    if not len(found):
        return {"mean": None, "low": None, "high": None}
    drawn = np.random.default_rng(seed).choice(found, (resamples, len(found))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(found) > 1 else (None, None)
    return {
        "mean": round(float(found.mean()), 3),
        "low": None if low is None else round(float(low), 3),
        "high": None if high is None else round(float(high), 3),
    }


def auc(scores: Sequence[float], wanted: Sequence[bool]) -> float | None:
    """The chance that one that is wanted scores higher than one that is not, ties half; None without both kinds."""
    yes = np.array([score for score, is_wanted in zip(scores, wanted, strict=True) if is_wanted])
    no = np.array([score for score, is_wanted in zip(scores, wanted, strict=True) if not is_wanted])
    if not len(yes) or not len(no):
        return None
    higher = (yes[:, None] > no[None]).mean() + 0.5 * (yes[:, None] == no[None]).mean()
    return float(higher)
