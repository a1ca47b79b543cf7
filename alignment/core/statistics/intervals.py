"""Confidence intervals that respect prompts, and careful answers to "is this better?".

Judgements of one prompt share its completions and its difficulty, so the prompt is what is drawn again, never the
single comparison. Everything drawn comes from a seed, so an interval can be computed again.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Floats = NDArray[np.float64]

MIN_PROMPTS = 10
"""Below this many prompts no interval is trusted with a yes or a no."""
DRAWS = 2000
"""Bootstrap draws: the ends of a 95 % interval are then good to about a twentieth of its width."""
_CELLS = 2_000_000
"""Numbers held at once while drawing, 16 MB of float64."""


def plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dictionary that JSON can hold: infinities become None."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in items}


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the interval that holds the truth at the stated level.

    Attributes:
        units: what was drawn again: the number of prompts (of comparisons for a Wilson interval).
    """

    estimate: float
    low: float
    high: float
    level: float
    units: int
    method: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: None for an end that is not known."""
        return asdict(self, dict_factory=plain)


def wilson(successes: float, count: int, *, level: float = 0.95) -> Interval:
    """Score interval of a share of independent trials (Wilson, 1927).

    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Too narrow when several trials belong to one prompt: then `cluster_bootstrap` is the one to report.

    Args:
        successes: in [0, count]; a tie may count one half, which makes the interval a little too wide.
        count: trials, 1 or more.
        level: share of intervals that hold the truth, within (0, 1).

    Raises:
        ValueError: no trials, or successes outside [0, count].
    """
    if count < 1 or not 0 <= successes <= count:
        raise ValueError(f"successes is {successes} of count {count}: need 1 trial or more, successes within them")
    z = _normal_quantile((1 + _checked(level)) / 2)
    share, factor = successes / count, 1 + z * z / count
    middle = (share + z * z / (2 * count)) / factor
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / factor
    # At 0 and at `count` successes the end is the share itself, which rounding would miss.
    low, high = min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half))
    return Interval(estimate=share, low=low, high=high, level=level, units=count, method="wilson")


def cluster_bootstrap(
    values: ArrayLike,
    prompts: Sequence[Hashable],
    *,
    seed: int,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    draws: int = DRAWS,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Interval:
    """Weighted mean with an interval from prompts drawn again with replacement (Efron and Tibshirani, 1993, ch. 8).

    The ends are the expanded percentiles of Hesterberg (2015), which hold their level with few prompts.

    Args:
        values: finite, (N,).
        prompts: what each value belongs to, N of them.
        seed: of the draws.
        weights: 0 or more, (N,); 1 each when left out.
        level: within (0, 1).
        draws: how many times the prompts are drawn again.
        bounds: smallest and largest value there can be.

    Raises:
        ValueError: nothing to average, lengths differ, a value isn't finite, no weight is positive.
    """
    x, w, codes = _checked_rows(values, weights, prompts)
    num = int(codes.max()) + 1
    sums, masses = np.bincount(codes, w * x, num), np.bincount(codes, w, num)
    drawn = [
        (counts @ sums) / np.maximum(counts @ masses, np.finfo(float).tiny)
        for counts in resampled_counts(num, draws=draws, seed=seed)
    ]
    return interval_of_draws(float(sums.sum() / masses.sum()), np.concatenate(drawn), num, level=level, bounds=bounds)


def resampled_counts(num: int, *, draws: int, seed: int, rows: int | None = None) -> Iterator[Floats]:
    """How often each of `num` prompts was drawn, in chunks of (draws, num) sized for `rows` numbers per draw."""
    generator = np.random.default_rng(seed)
    chunk = max(1, _CELLS // max(rows or num, 1))
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        yield generator.multinomial(num, np.full(num, 1 / num), size=size).astype(float)


def prompt_codes(prompts: Iterable[Hashable]) -> NDArray[np.intp]:
    """Prompts as 0, 1, 2 ... in the order of their first appearance."""
    codes: dict[Hashable, int] = {}
    return np.array([codes.setdefault(prompt, len(codes)) for prompt in prompts], dtype=np.intp)


def interval_of_draws(
    estimate: float, drawn: Floats, units: int, *, level: float, bounds: tuple[float, float]
) -> Interval:
    """Expanded percentile interval (Hesterberg, 2015, section 5.3): Phi(-sqrt(n / (n - 1)) t_{n-1}) of the draws.

    Where all draws are equal there is nothing to take percentiles of: then the share of prompts that could still be
    different without having been seen, 1 - (alpha / 2)^{1 / n} (Clopper and Pearson, 1934), may lie at the bounds; a
    side without a bound is left as it is. One prompt says nothing: the interval is the bounds.
    """
    tail = (1 - _checked(level)) / 2
    if units == 1:
        low, high = bounds
    elif np.ptp(drawn) > 1e-12:
        z = math.sqrt(units / (units - 1)) * float(stats.t.ppf(1 - tail, units - 1))
        low, high = np.quantile(drawn, [special.ndtr(-z), special.ndtr(z)])
    else:
        unseen = 1 - tail ** (1 / units)
        low, high = (estimate + unseen * (end - estimate) if math.isfinite(end) else estimate for end in bounds)
    return Interval(
        estimate=estimate, low=float(low), high=float(high), level=level, units=units, method="bootstrap of prompts"
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """A yes, a no, or an honest "too few to say", with the numbers it stands on."""

    answer: Literal["yes", "no", "too few to say"]
    interval: Interval
    threshold: float
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self, dict_factory=plain)


def is_better(interval: Interval, *, than: float, worth: float = 0.02) -> Verdict:
    """Whether what the interval estimates lies above a threshold.

    yes: the whole interval does. no: the whole interval lies below the threshold plus `worth`, so that even the best
    case gains nothing worth having. Anything else, and anything on fewer than 10 prompts, is too few to say.

    Args:
        interval: over prompts.
        than: the threshold: 0.5 for a win rate or an accuracy, 0 for a difference.
        worth: smallest gain that would matter, 0 or more.
    """
    seen = f"{interval.estimate:.3f} ({interval.low:.3f} to {interval.high:.3f}) over {interval.units} prompts"
    answer: Literal["yes", "no", "too few to say"] = "too few to say"
    reason = f"{seen} does not settle whether it is above {than:g}"
    if interval.units < MIN_PROMPTS:
        reason = f"{seen}: fewer than {MIN_PROMPTS} prompts settle nothing"
    elif interval.low > than:
        answer, reason = "yes", f"{seen} is above {than:g}"
    elif interval.high < than + worth:
        answer, reason = "no", f"{seen} leaves no gain of {worth:g} over {than:g}"
    return Verdict(answer=answer, interval=interval, threshold=than, reason=reason)


def _checked_rows(
    values: ArrayLike, weights: ArrayLike | None, prompts: Sequence[Hashable]
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    x = np.asarray(values, dtype=float)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=float)
    if x.ndim != 1 or w.shape != x.shape or len(prompts) != len(x):
        raise ValueError(f"values is {x.shape}, weights is {w.shape}, prompts is ({len(prompts)},): must be (N,) all")
    if not len(x):
        raise ValueError("values is empty: nothing to average")
    if not np.isfinite(x).all():
        raise ValueError(f"values holds {x[~np.isfinite(x)][0]}, must be finite")
    if not (w >= 0).all() or not w.sum() > 0:
        raise ValueError("weights must be 0 or more and one of them above 0")
    keep = w > 0  # a prompt without weight is no prompt to draw
    return x[keep], w[keep], prompt_codes(prompt for prompt, kept in zip(prompts, keep, strict=True) if kept)


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, must be within 0 and 1")
    return level


def _normal_quantile(share: float) -> float:
    return float(special.ndtri(share))
