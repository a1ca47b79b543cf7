"""How good a reward or preference model is on held-out judgements, and how far a policy went from its reference.

A difference is the model's score of the first completion minus that of the second; an outcome is what a person said:
1 the first is better, 0 a tie, -1 the second is better.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alignment.core.statistics.intervals import Floats, Interval, Verdict, cluster_bootstrap, is_better, plain, wilson
from alignment.core.statistics.kl import token_kl
from alignment.core.statistics.win_rates import LengthControlled, WinRate, length_controlled_win_rate, win_rate

__all__ = [
    "Accuracy",
    "Calibration",
    "Interval",
    "LengthControlled",
    "Verdict",
    "WinRate",
    "accuracy_by_group",
    "accuracy_with_ties",
    "calibration",
    "cluster_bootstrap",
    "is_better",
    "is_better_than_chance",
    "is_better_than_previous",
    "length_controlled_win_rate",
    "token_kl",
    "wilson",
    "win_rate",
]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Pairwise accuracy on held-out comparisons.

    Attributes:
        overall: over all comparisons, ties one half, drawn by prompt.
        decided: over comparisons that a person decided, drawn by prompt; None when all are ties.
        wilson: `overall` as if comparisons were independent: for reference, too narrow with several per prompt.
        num_ties: comparisons that the person called a tie.
        num_score_ties: decided comparisons where the model's scores are equal.
    """

    overall: Interval
    decided: Interval | None
    wilson: Interval
    num_comparisons: int
    num_ties: int
    num_score_ties: int
    num_prompts: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self, dict_factory=plain)


def accuracy_with_ties(
    difference: ArrayLike,
    outcome: ArrayLike,
    prompts: Sequence[Hashable],
    *,
    seed: int,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> Accuracy:
    """Share of comparisons that the model orders as the person did.

    Equal scores count one half. A comparison that the person called a tie counts one half whatever the model says, the
    expected credit if the tie were broken by a coin: it pulls every model equally to 1/2 and favours none. `decided`
    leaves those out.

    Args:
        difference, outcome: score of first minus second, and 1, 0 or -1, (N,) each.
        prompts: which prompt each comparison belongs to, N of them.
        seed, level: of the bootstrap, and of the intervals.
        weights: 0 or more, (N,), such as 1/C(K,2) for one vote per ranking.

    Raises:
        ValueError: no comparison, lengths differ, a difference is NaN, an outcome is none of 1, 0, -1.
    """
    d, y = _checked_comparisons(difference, outcome)
    w = np.ones_like(d) if weights is None else np.asarray(weights, dtype=float)
    credit, tie = _credit(d, y), y == 0
    measure = partial(cluster_bootstrap, seed=seed, level=level, bounds=(0.0, 1.0))
    overall, decided = measure(credit, prompts, weights=w), None
    if (w[~tie] > 0).any():
        decided = measure(credit[~tie], [prompts[i] for i in np.flatnonzero(~tie).tolist()], weights=w[~tie])
    return Accuracy(
        overall=overall,
        decided=decided,
        wilson=wilson(min(float(overall.estimate * len(d)), len(d)), len(d), level=level),
        num_comparisons=len(d),
        num_ties=int(tie.sum()),
        num_score_ties=int(((d == 0) & ~tie).sum()),
        num_prompts=overall.units,
    )


def accuracy_by_group(
    difference: ArrayLike,
    outcome: ArrayLike,
    prompts: Sequence[Hashable],
    groups: Sequence[str],
    *,
    seed: int,
    level: float = 0.95,
) -> dict[str, Accuracy]:
    """`accuracy_with_ties` of each group (annotator, language, source ...), by name in alphabetical order."""
    d, y = _checked_comparisons(difference, outcome)
    if len(groups) != len(d):
        raise ValueError(f"groups is ({len(groups)},), difference is {d.shape}")
    rows = {name: [i for i, group in enumerate(groups) if group == name] for name in sorted(set(groups))}
    return {
        name: accuracy_with_ties(d[own], y[own], [prompts[i] for i in own], seed=seed, level=level)
        for name, own in rows.items()
    }


@dataclass(frozen=True, slots=True)
class Bin:
    """Comparisons whose confidence lies in [low, high): how sure the model was, and how often it was right."""

    low: float
    high: float
    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error (0 is perfect) and the bins, empty ones left out."""

    error: float
    bins: tuple[Bin, ...]
    num_comparisons: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self, dict_factory=plain)


def calibration(probability: ArrayLike, outcome: ArrayLike, *, num_bins: int = 10) -> Calibration:
    """Whether the model is right as often as it says (Naeini et al., 2015; Guo et al., 2017, eq. 3).

    error = sum_b (n_b / N) |accuracy_b - confidence_b|

    Which completion is called first means nothing, so a probability below one half is read as one minus it for the
    other completion: confidence lies in [1/2, 1], in bins of equal width. A tie counts one half.

    Args:
        probability: that the first is better, (N,), within [0, 1].
        outcome: 1, 0 or -1, (N,).
        num_bins: 1 or more.

    Raises:
        ValueError: nothing to judge by, lengths differ, values out of range.
    """
    p, y = _checked_comparisons(probability, outcome)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"probability holds {p[(p < 0) | (p > 1)][0]}, must be within 0 and 1")
    if num_bins < 1:
        raise ValueError(f"num_bins is {num_bins}, must be 1 or more")
    confidence = np.maximum(p, 1 - p)
    right = _credit(p - 0.5, y)
    index = np.minimum(((confidence - 0.5) * 2 * num_bins).astype(int), num_bins - 1)
    width = 0.5 / num_bins
    bins = tuple(
        Bin(
            low=0.5 + width * b,
            high=0.5 + width * (b + 1),
            confidence=float(confidence[index == b].mean()),
            accuracy=float(right[index == b].mean()),
            count=int((index == b).sum()),
        )
        for b in np.unique(index)
    )
    error = sum(b.count * abs(b.accuracy - b.confidence) for b in bins) / len(p)
    return Calibration(error=error, bins=bins, num_comparisons=len(p))


def is_better_than_chance(accuracy: Accuracy | WinRate, *, worth: float = 0.02) -> Verdict:
    """Whether an accuracy or a win rate lies above one half, ties one half each; see `intervals.is_better`."""
    return is_better(accuracy.overall, than=0.5, worth=worth)


def is_better_than_previous(
    difference: ArrayLike,
    previous_difference: ArrayLike,
    outcome: ArrayLike,
    prompts: Sequence[Hashable],
    *,
    seed: int,
    level: float = 0.95,
    worth: float = 0.02,
) -> Verdict:
    """Whether a model orders the same held-out comparisons better than the one before it.

    Both are judged on the same prompts, so the interval is of their difference in accuracy, paired by prompt.

    Args:
        difference: score differences of the new model, (N,).
        previous_difference: of the model before, (N,).
        outcome: 1, 0 or -1, (N,).
        prompts: which prompt each comparison belongs to, N of them.
        seed: of the bootstrap.
        level: of the interval.
        worth: smallest gain in accuracy that would matter.

    Raises:
        ValueError: as `accuracy_with_ties`.
    """
    new, y = _checked_comparisons(difference, outcome)
    old, _ = _checked_comparisons(previous_difference, outcome)
    gain = _credit(new, y) - _credit(old, y)
    interval = cluster_bootstrap(gain, prompts, seed=seed, level=level, bounds=(-1.0, 1.0))
    return is_better(interval, than=0.0, worth=worth)


def _credit(difference: Floats, outcome: Floats) -> Floats:
    """1 for the right order, 0 for the wrong one, 1/2 where the scores or the person make it a tie."""
    return (1 + np.sign(difference) * outcome) / 2


def _checked_comparisons(difference: ArrayLike, outcome: ArrayLike) -> tuple[Floats, Floats]:
    d, y = np.asarray(difference, dtype=float), np.asarray(outcome, dtype=float)
    if d.ndim != 1 or d.shape != y.shape:
        raise ValueError(f"difference is {d.shape}, outcome is {y.shape}: must be (N,) both")
    if not len(d):
        raise ValueError("there are no comparisons to judge by")
    if np.isnan(d).any():
        raise ValueError(f"difference is not a number for comparison {int(np.isnan(d).argmax())}")
    if not np.isin(y, (1, 0, -1)).all():
        raise ValueError(f"outcome holds {y[~np.isin(y, (1, 0, -1))][0]:g}, must be 1, 0 or -1")
    return d, y
