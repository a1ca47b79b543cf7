"""The guards of the gate: limits on plain figures of what a candidate and the served policy wrote for the same prompts.

No Django and no torch: the figures come from gating.measuring, or from a test. A guard passes, fails or cannot say.
A drift is a failure when it is beyond its limit and no chance: the 95 % interval of the difference, drawn by prompt,
leaves out "no change".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

from alignment.core.statistics.intervals import Interval, cluster_bootstrap, wilson
from alignment.core.statistics.win_rates import win_rate
from alignment.gating.limits import Limits

WORST = 5
"""Samples that a failed guard shows, and puts to the front of the queue."""
FULL_KL = 500
"""Judgements from which on the limit of the KL is what the settings say."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """Figures of the completions that one policy wrote, aligned with each other.

    Attributes:
        prompts: of each, which prompt it is of.
        lengths: tokens.
        ended: whether it ended by itself.
        repetition: share of its word groups (of three tokens) that came before in it.
        kl: log-ratio to the reference policy, nats; empty: not measured.
        deviation: between the heads of the reward model, nats; empty: it has one head.
        second: reward by the second reward model, nats; empty: there is none.
    """

    prompts: Sequence[int]
    lengths: Sequence[float]
    ended: Sequence[bool]
    repetition: Sequence[float]
    kl: Sequence[float] = ()
    deviation: Sequence[float] = ()
    second: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a guard found.

    Attributes:
        name: of the guard.
        passed: None: it can't say, or has nothing to look at; ``note`` says why.
        holds: whether it holds the promotion although it did not fail: it should say something and can't yet.
        value, limit: in the guard's own unit.
        low, high: of the 95 % interval of the value, where it has one.
        num: what was looked at: completions, judgements or prompts.
        worst: places of the candidate's samples that showed it most, the worst first.
    """

    name: str
    passed: bool | None
    value: float | None = None
    limit: float | None = None
    low: float | None = None
    high: float | None = None
    num: int = 0
    note: str = ""
    holds: bool = False
    worst: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "worst": list(self.worst)}


def held_out_reward(candidate: Written, served: Written, *, limits: Limits, judgements: int, seed: int) -> Found:
    """The second reward model, of judgements that nothing else learned from, must not be sure that it got worse.

    It fails when the whole interval of the win rate by prompt is below the limit.

    Args:
        judgements: that the second model learned from.
    """
    name = "held_out"
    if not candidate.second or judgements < limits.least_judgements:
        return Found(name=name, passed=None, limit=limits.win_rate, num=judgements, note="few_labels", holds=True)
    ours, theirs = _by_prompt(candidate, candidate.second), _by_prompt(served, served.second)
    common = sorted(ours.keys() & theirs.keys())
    rate = win_rate([ours[p] for p in common], [theirs[p] for p in common], seed=seed, prompts=common).overall
    leads = [reward - theirs[p] for p, reward in zip(candidate.prompts, candidate.second, strict=True)]
    passed = rate.high >= limits.win_rate
    return _found(name, passed, rate.estimate, limits.win_rate, rate, len(common), _least(leads), candidate)


def own_reward(*, win_rate: float, low: float, high: float, prompts: int) -> Found:
    """The reward that the policy learned from must not be sure to have got worse: the whole interval below one half."""
    return Found(name="reward", passed=high >= 0.5, value=win_rate, limit=0.5, low=low, high=high, num=prompts)


def kl(candidate: Written, *, limits: Limits, judgements: int, seed: int) -> Found:
    """The mean KL to the base must not be sure to be above the limit.

    The limit grows with the root of the number of judgements, as the budget of training does: a reward of few holds
    near them (Gao et al., 2022). It has its full size at half as many as that one: what keeps its budget passes.

    Args:
        judgements: that the policy learned from.
    """
    limit = _kl_limit(limits, judgements)
    if not candidate.kl:
        return Found(name="kl", passed=None, limit=limit, note="not_measured", holds=True)
    mean = cluster_bootstrap(candidate.kl, candidate.prompts, seed=seed)
    worst = _least([-each for each in candidate.kl])
    return _found("kl", mean.low <= limit, mean.estimate, limit, mean, len(candidate.kl), worst, candidate)


def overoptimised(
    candidate: Written, served: Written, *, labeled: Sequence[float], limits: Limits, judgements: int, seed: int
) -> Found:
    """How much of the reward mistakes of the reward model may have brought: 1 at the limit.

    A reward whose mistakes deviate by s can have gained at most s sqrt(2 KL) from them (Donsker and Varadhan, 1975):
    the farther a policy goes, the surer it has to be. The value is r sqrt(KL / limit), r how many times more the heads
    differ on what it wrote than on judged completions, or on the served policy's where they differ more on these.

    Args:
        labeled: the heads' deviation on judged completions.
        judgements: that the policy learned from.
    """
    found = Found(name="overoptimised", passed=None, limit=1.0, num=len(labeled), holds=True)
    if not candidate.kl or not candidate.deviation:
        return replace(found, note="not_measured" if candidate.deviation else "one_head")
    if len(labeled) < limits.least_judgements:
        return replace(found, note="few_labels")
    limit = _kl_limit(limits, judgements)
    usual = max(fmean(labeled), fmean(served.deviation), 1e-9)
    ratio, mean = fmean(candidate.deviation) / usual, cluster_bootstrap(candidate.kl, candidate.prompts, seed=seed)
    middle, low, high = (ratio * math.sqrt(max(0.0, nats) / limit) for nats in (mean.estimate, mean.low, mean.high))
    shares = [-max(0.0, nats) * own for nats, own in zip(candidate.kl, candidate.deviation, strict=True)]
    interval = replace(mean, estimate=middle, low=low, high=high)
    return _found("overoptimised", low <= 1, middle, 1.0, interval, len(candidate.kl), _least(shares), candidate)


def _kl_limit(limits: Limits, judgements: int) -> float:
    return limits.most_kl * min(1.0, math.sqrt(judgements / FULL_KL))


def length(candidate: Written, served: Written, *, limits: Limits, seed: int) -> Found:
    """Completions must not be so many times longer, or shorter, than those of the served policy."""
    mean, before = fmean(candidate.lengths), max(fmean(served.lengths), 1e-9)
    ratio = mean / before
    change = _change(candidate, candidate.lengths, served, served.lengths, seed=seed)
    beyond = ratio > limits.length_ratio or ratio < 1 / limits.length_ratio
    sign = -1 if ratio > 1 else 1
    worst = _least([sign * each for each in candidate.lengths])
    passed = not (beyond and _is_no_chance(change))
    limit = limits.length_ratio if ratio >= 1 else 1 / limits.length_ratio
    return _found("length", passed, ratio, limit, None, len(candidate.lengths), worst, candidate)


def eos(candidate: Written, served: Written, *, limits: Limits, seed: int) -> Found:
    """The share of completions that end by themselves must not fall: a reward model doesn't see what was cut."""
    change = _change(candidate, candidate.ended, served, served.ended, seed=seed)
    passed = not (-change.estimate > limits.eos_drop and change.high < 0)
    open_ends = [-each if not ended else 0.0 for each, ended in zip(candidate.lengths, candidate.ended, strict=True)]
    worst = _least(open_ends)
    return _found("eos", passed, -change.estimate, limits.eos_drop, _mirrored(change), len(open_ends), worst, candidate)


def repetition(candidate: Written, served: Written, *, limits: Limits, seed: int) -> Found:
    """The share of repeated word groups must not rise."""
    change = _change(candidate, candidate.repetition, served, served.repetition, seed=seed)
    passed = not (change.estimate > limits.repetition_rise and change.low > 0)
    worst, limit = _least([-each for each in candidate.repetition]), limits.repetition_rise
    return _found("repetition", passed, change.estimate, limit, change, len(candidate.repetition), worst, candidate)


def deviation(candidate: Written, served: Written, *, labeled: Sequence[float], limits: Limits, seed: int) -> Found:
    """Where the heads differ more than on completions that people judged, the reward is a guess.

    Before there are judgements of what policies write, all of it is new to the heads: so it fails only when they differ
    more than on what the served policy writes, too.

    Args:
        labeled: the same deviation on judged completions.
    """
    found = Found(name="deviation", passed=None, limit=limits.deviation_ratio, num=len(labeled), holds=True)
    if not candidate.deviation or len(labeled) < limits.least_judgements:
        return replace(found, note="few_labels" if candidate.deviation else "one_head")
    value = fmean(candidate.deviation) / max(fmean(labeled), 1e-9)
    change = _change(candidate, candidate.deviation, served, served.deviation, seed=seed)
    passed = not (value > limits.deviation_ratio and change.low > 0)
    worst = _least([-each for each in candidate.deviation])
    return _found("deviation", passed, value, limits.deviation_ratio, None, len(candidate.deviation), worst, candidate)


def regression(rewards: Sequence[float], before: Sequence[float], *, limits: Limits) -> Found:
    """On a fixed set of prompts the mean reward must not fall by more than the margin, but for a share of them."""
    if not rewards:
        return Found(name="regression", passed=None, limit=limits.regression_lost, note="no_prompts")
    falls = [now - then for now, then in zip(rewards, before, strict=True)]
    lost = sum(fall < -limits.regression_margin for fall in falls)
    share = lost / len(falls)
    passed = share <= limits.regression_lost
    worst = tuple(place for place in _least(falls) if falls[place] < -limits.regression_margin)
    return Found(
        name="regression",
        passed=passed,
        value=share,
        limit=limits.regression_lost,
        num=len(falls),
        worst=() if passed else worst[:WORST],
    )


def flags(name: str, *, raised: int, raised_before: int, pairs: int, asked: bool, limits: Limits) -> Found:
    """A flag must not be raised more often than on the served policy's completions of the same pairs.

    It fails when the whole interval of the rise (Newcombe, 1998, method 10) is above the limit. For pairs, which are
    alike, it is somewhat too wide.

    Args:
        raised, raised_before: pairs in which it stands on the candidate's completion, and on the other one.
        asked: whether the project asks about it.
    """
    if not asked:
        return Found(name=name, passed=None, limit=limits.flag_rise, note="not_asked")
    if pairs < limits.least_judgements:
        return Found(name=name, passed=None, limit=limits.flag_rise, num=pairs, note="few_labels", holds=True)
    now, then = wilson(raised, pairs), wilson(raised_before, pairs)
    rise = now.estimate - then.estimate
    low = rise - ((now.estimate - now.low) ** 2 + (then.high - then.estimate) ** 2) ** 0.5
    high = rise + ((now.high - now.estimate) ** 2 + (then.estimate - then.low) ** 2) ** 0.5
    passed = low <= limits.flag_rise
    return Found(name=name, passed=passed, value=rise, limit=limits.flag_rise, low=low, high=high, num=pairs)


def share_repeated(ids: Sequence[int], *, size: int = 3) -> float:
    """Share of the groups of ``size`` tokens that came before in the same completion; 0 for a short one."""
    groups = [tuple(ids[at : at + size]) for at in range(len(ids) - size + 1)]
    return 1 - len(set(groups)) / len(groups) if groups else 0.0


def _by_prompt(written: Written, values: Sequence[float]) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    for prompt, value in zip(written.prompts, values, strict=True):
        found.setdefault(prompt, []).append(float(value))
    return {prompt: fmean(each) for prompt, each in found.items()}


def _change(
    candidate: Written, values: Sequence[float], served: Written, before: Sequence[float], *, seed: int
) -> Interval:
    """The mean difference on the same prompts, drawn by prompt."""
    ours, theirs = _by_prompt(candidate, values), _by_prompt(served, before)
    common = sorted(ours.keys() & theirs.keys())
    return cluster_bootstrap([ours[p] - theirs[p] for p in common], common, seed=seed)


def _is_no_chance(change: Interval) -> bool:
    return change.low > 0 or change.high < 0


def _mirrored(interval: Interval) -> Interval:
    return Interval(-interval.estimate, -interval.high, -interval.low, interval.level, interval.units, interval.method)


def _least(values: Sequence[float]) -> tuple[int, ...]:
    return tuple(sorted(range(len(values)), key=lambda place: values[place]))


def _found(
    name: str,
    passed: bool,
    value: float,
    limit: float,
    interval: Interval | None,
    num: int,
    worst: tuple[int, ...],
    candidate: Written,
) -> Found:
    """With the worst samples, of each prompt one, where it failed."""
    seen: dict[int, int] = {}
    for place in worst:
        seen.setdefault(candidate.prompts[place], place)
    known = interval is not None and abs(interval.low) < float("inf") and abs(interval.high) < float("inf")
    return Found(
        name=name,
        passed=passed,
        value=float(value),
        limit=float(limit),
        low=float(interval.low) if interval is not None and known else None,
        high=float(interval.high) if interval is not None and known else None,
        num=num,
        worst=() if passed else tuple(seen.values())[:WORST],
    )
