"""Win rates of one policy's completions over another's on the same prompts, plain and controlled for length."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from alignment.core.statistics.intervals import (
    DRAWS,
    Floats,
    Interval,
    cluster_bootstrap,
    interval_of_draws,
    plain,
    prompt_codes,
    resampled_counts,
)

_PRIOR_SD = 5.0
"""Nats; keeps the logistic regression finite when one side wins everything, and is too wide to matter otherwise."""


@dataclass(frozen=True, slots=True)
class WinRate:
    """Share of prompts on which the first side wins, ties one half, with an interval drawn by prompt."""

    overall: Interval
    num_wins: int
    num_ties: int
    num_losses: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self, dict_factory=plain)


def win_rate(
    a: ArrayLike, b: ArrayLike, *, seed: int, prompts: Sequence[Hashable] | None = None, level: float = 0.95
) -> WinRate:
    """How often the first policy's completion is better than the second's on the same prompt (paired bootstrap).

    Args:
        a, b: reward of either completion, (N,) each, row by row of one prompt. For outcomes of people (1, 0, -1)
            give those as `a` and zeros as `b`.
        seed: of the bootstrap.
        prompts: which prompt each row belongs to; every row its own when left out.
        level: of the interval.

    Raises:
        ValueError: no rows, lengths differ, a reward is NaN.
    """
    outcome = _outcome(a, b)
    return WinRate(
        overall=cluster_bootstrap((1 + outcome) / 2, _own(prompts, outcome), seed=seed, level=level, bounds=(0.0, 1.0)),
        num_wins=int((outcome > 0).sum()),
        num_ties=int((outcome == 0).sum()),
        num_losses=int((outcome < 0).sum()),
    )


@dataclass(frozen=True, slots=True)
class LengthControlled:
    """Win rate at equal length.

    Attributes:
        length_effect: nats on the log-odds of winning between completions of equal length and much longer ones; None
            when the lengths never differ.
    """

    overall: Interval
    length_effect: Interval | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self, dict_factory=plain)


def length_controlled_win_rate(
    a: ArrayLike,
    b: ArrayLike,
    lengths_a: ArrayLike,
    lengths_b: ArrayLike,
    *,
    seed: int,
    prompts: Sequence[Hashable] | None = None,
    level: float = 0.95,
    draws: int = DRAWS,
) -> LengthControlled:
    """Win rate that two policies would have if their completions were equally long (Dubois et al., 2024).

    P(a wins) = sigma(theta + phi tanh((|a| - |b|) / s)),  reported at equal length: sigma(theta)

    with s the standard deviation of the difference in length (1 when all are equal), a tie as half a win, and a normal
    prior of standard deviation 5 nats on theta and phi. Fitted again to every draw of the prompts.

    Args:
        a, b: reward of either completion, (N,).
        lengths_a, lengths_b: tokens of either completion, (N,).
        seed, prompts, level: as `win_rate`.
        draws: how many times the prompts are drawn again.

    Raises:
        ValueError: no rows, lengths differ, a reward is NaN, a length isn't finite.
    """
    won = (1 + _outcome(a, b)) / 2
    gap = np.asarray(lengths_a, dtype=float) - np.asarray(lengths_b, dtype=float)
    if gap.shape != won.shape or not np.isfinite(gap).all():
        raise ValueError(f"lengths_a minus lengths_b is {gap.shape}, must be finite numbers of {won.shape}")
    bend = np.tanh(gap / (gap.std() or 1.0))
    codes = prompt_codes(_own(prompts, won))
    num = int(codes.max()) + 1
    estimate = _fit(won, bend, np.ones((1, len(won))))[0]
    chunks = resampled_counts(num, draws=draws, seed=seed, rows=len(won))
    drawn = np.concatenate([_fit(won, bend, counts[:, codes]) for counts in chunks])
    rate = interval_of_draws(float(expit(estimate[0])), expit(drawn[:, 0]), num, level=level, bounds=(0.0, 1.0))
    effect = interval_of_draws(float(estimate[1]), drawn[:, 1], num, level=level, bounds=(-np.inf, np.inf))
    return LengthControlled(overall=rate, length_effect=effect if gap.any() else None)


def _fit(won: Floats, bend: Floats, weights: Floats) -> Floats:
    """Maximum a posteriori theta and phi for every row of weights (D, N), by Newton's method, (D, 2)."""
    parameters: Floats = np.zeros((len(weights), 2))
    for _ in range(100):
        p = expit(parameters[:, :1] + parameters[:, 1:] * bend)  # (D, N)
        pull, curve = weights * (won - p), weights * p * (1 - p)
        slope = np.stack([pull.sum(1), pull @ bend], axis=1) - parameters / _PRIOR_SD**2
        tt, tp, pp = curve.sum(1) + _PRIOR_SD**-2, curve @ bend, curve @ bend**2 + _PRIOR_SD**-2
        step = np.stack([pp * slope[:, 0] - tp * slope[:, 1], tt * slope[:, 1] - tp * slope[:, 0]], axis=1)
        step /= (tt * pp - tp**2)[:, None]
        # Far from the optimum the curvature is tiny and a full step would leap over it.
        parameters += np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-10:
            break
    return parameters


def _outcome(a: ArrayLike, b: ArrayLike) -> Floats:
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.ndim != 1 or first.shape != second.shape or not len(first):
        raise ValueError(f"a is {first.shape}, b is {second.shape}: must be (N,) both, with a row at least")
    if np.isnan(first).any() or np.isnan(second).any():
        raise ValueError(f"row {int((np.isnan(first) | np.isnan(second)).argmax())} has a reward that is not a number")
    # Compared, not subtracted: infinite rewards are ordered too.
    outcome: Floats = (first > second).astype(float) - (first < second)
    return outcome


def _own(prompts: Sequence[Hashable] | None, rows: Floats) -> Sequence[Hashable]:
    if prompts is None:
        return range(len(rows))
    if len(prompts) != len(rows):
        raise ValueError(f"prompts is ({len(prompts)},), there are {len(rows)} rows")
    return prompts
