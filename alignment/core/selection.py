"""Which completions of a prompt to ask people about: rules over the rewards of an ensemble, with exact propensities.

A rule builds a set of k of K candidates one candidate at a time, and says for every step how probable each next one is
(`Builder`). So the probability of a set is the sum over all orders in which it can come about, computed exactly however
random the rule; a rule that leaves nothing to chance gives 1. What stands equal is taken with equal probability.

How a set of more than two comes from a rule for pairs: bald and variance take the best pair, then each time the
candidate whose comparisons with those taken score highest in sum; double Thompson and BAI-TS go on as they took the
second; best against worst takes the next best and the next worst in turn; D-optimal takes the candidate whose
comparisons with those taken shrink the posterior most, given theirs.

alignment.core.selection_round chooses among prompts, and mixes in the share that is chosen at random.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import torch
from torch import Tensor

from alignment.core.design import Design

Set = frozenset[int]
THOMPSON_TRIES = 30
"""How often double Thompson sampling draws another member for the next candidate (Dwaracherla et al., 2024)."""
_EQUAL = 1e-9


class Rule(StrEnum):
    """The rules by name; labeling.models.Rule has the same codes."""

    RANDOM = "random"
    BALD = "bald"
    VARIANCE = "variance"
    DTS = "dts"
    BAI_TS = "bai_ts"
    BEST_WORST = "best_worst"
    D_OPTIMAL = "d_optimal"


@dataclass(frozen=True)
class Builder:
    """How a rule builds a set.

    Attributes:
        start: what it may begin with (sets of one or two), and how probably.
        step: for a set, how probable each candidate is as the next, (K,); 0 for those in the set.
    """

    start: Mapping[Set, float]
    step: Callable[[Set], Tensor]


def random_sets(rewards: Tensor) -> Builder:
    """Every set is as probable as every other: 1 / C(K, k)."""
    count = len(rewards)
    everything = torch.ones(count, dtype=torch.float64)
    return Builder(_alone(everything / count), lambda chosen: _best(everything, besides=chosen))


def bald(rewards: Tensor) -> Builder:
    """The most information about which member is right (Houlsby et al., 2011; Gleave and Irving, 2022); see bald_of."""
    return _greedy(bald_of(rewards))


def variance(rewards: Tensor) -> Builder:
    """The members differ most about who wins; see variance_of."""
    return _greedy(variance_of(rewards))


def double_thompson(rewards: Tensor) -> Builder:
    """The best one of a random member, then the best one of another that names a different one.

    A member is drawn up to THOMPSON_TRIES times; when each names one that is in already, any other is taken (Wu and
    Liu, 2016; Dwaracherla et al., 2024).
    """
    named = _named_best(rewards)

    def step(chosen: Set) -> Tensor:
        outside = _without(named, chosen)
        inside = float(named.sum() - outside.sum())
        missed = min(max(inside, 0.0), 1.0) ** THOMPSON_TRIES
        rest = torch.ones_like(named) / (len(named) - len(chosen))
        found = outside / outside.sum() if outside.sum() > _EQUAL else rest
        return _without((1 - missed) * found + missed * rest, chosen)

    return Builder(_alone(named), step)


def bai_ts(rewards: Tensor) -> Builder:
    """The best one of a random member, then the one whose reward differs from it most uncertainly: max Var(r_i - r_j).

    Best-arm identification as in Liu et al. (2024, SEA); variance of reward differences over members.
    """
    uncertain = _variance_of_differences(rewards)
    return Builder(_alone(_named_best(rewards)), lambda chosen: _best(_summed(uncertain, chosen), besides=chosen))


def best_worst(rewards: Tensor) -> Builder:
    """The highest mean reward against the lowest (Dong et al., 2024, RLHFlow)."""
    mean = rewards.double().mean(1)
    return Builder(_alone(_best(mean)), lambda chosen: _best(-mean if len(chosen) % 2 else mean, besides=chosen))


def d_optimal(rewards: Tensor, design: Design | None = None, features: Tensor | None = None) -> Builder:
    """The comparisons that shrink the posterior's volume most: max log(1 + p (1 - p) x' A^-1 x), x a difference.

    As in arXiv 2502.04354. Without features the members' deviations from their mean are the features, and so the
    ensemble's covariance of rewards is the posterior.

    Args:
        design: what is known already, of all that was chosen before; None: nothing but the prior.
        features: (K, d), of which the reward is a linear function.
    """
    features = deviations(rewards) if features is None else features.double()
    known = Design.prior(features.shape[1]) if design is None else design
    weights = comparison_weights(rewards)
    designs: dict[Set, Design] = {frozenset(): known}

    def after(chosen: Set) -> Design:
        if chosen not in designs:
            designs[chosen] = known.after(features, weights, sorted(chosen))
        return designs[chosen]

    def step(chosen: Set) -> Tensor:
        gains = after(chosen).gains_of_adding(features, weights, sorted(chosen))
        return _best(gains, besides=chosen)

    return Builder(_pairs(known.pair_gains(features, weights)), step)


RULES: dict[Rule, Callable[[Tensor], Builder]] = {
    Rule.RANDOM: random_sets,
    Rule.BALD: bald,
    Rule.VARIANCE: variance,
    Rule.DTS: double_thompson,
    Rule.BAI_TS: bai_ts,
    Rule.BEST_WORST: best_worst,
    Rule.D_OPTIMAL: d_optimal,
}


# --- what rules measure, of each pair: (K, K), symmetric, 0 on the diagonal


def bald_of(rewards: Tensor) -> Tensor:
    """H(mean p) - mean H(p), p = sigmoid(r_i - r_j) of each member, in nats."""
    p = _preferences(rewards)
    mean = p.mean(2)
    return (_entropy(mean) - _entropy(p).mean(2)).clamp(min=0).fill_diagonal_(0)


def variance_of(rewards: Tensor) -> Tensor:
    """Var of sigmoid(r_i - r_j) over the members."""
    return _preferences(rewards).var(2, unbiased=False).fill_diagonal_(0)


def gap_of(rewards: Tensor) -> Tensor:
    """How far the mean rewards lie apart, in nats."""
    mean = rewards.double().mean(1)
    return (mean[:, None] - mean[None]).abs()


def deviations(rewards: Tensor) -> Tensor:
    """Of the members from their mean, (K, E), scaled so that their products are the covariance of rewards."""
    exact = rewards.double()
    return (exact - exact.mean(1, keepdim=True)) / math.sqrt(rewards.shape[1])


def comparison_weights(rewards: Tensor) -> Tensor:
    """p (1 - p) of each pair at the mean reward: the Fisher information of a comparison, (K, K)."""
    mean = rewards.double().mean(1)
    p = torch.sigmoid(mean[:, None] - mean[None])
    return p * (1 - p)


# --- sets


def propensity(builder: Builder, chosen: Collection[int]) -> float:
    """How probable it is that the rule builds just this set, in any order."""
    wanted = frozenset(chosen)
    by_size: list[dict[Set, float]] = [{} for _ in range(len(wanted) + 1)]
    for begin, probability in builder.start.items():
        if begin <= wanted:
            by_size[len(begin)][begin] = by_size[len(begin)].get(begin, 0.0) + probability
    for size in range(1, len(wanted)):
        for reached, probability in by_size[size].items():
            following = builder.step(reached).tolist()
            for candidate in wanted - reached:
                if following[candidate] > 0:
                    larger = reached | {candidate}
                    before = by_size[size + 1].get(larger, 0.0)
                    by_size[size + 1][larger] = before + probability * following[candidate]
    return min(by_size[len(wanted)].get(wanted, 0.0), 1.0)


def draw(builder: Builder, *, size: int, generator: torch.Generator) -> Set:
    """A set as the rule builds it."""
    begins = list(builder.start)
    chosen = begins[_draw(torch.tensor([builder.start[begin] for begin in begins], dtype=torch.float64), generator)]
    while len(chosen) < size:
        chosen = chosen | {_draw(builder.step(chosen), generator)}
    return chosen


def every_set(builder: Builder, *, count: int, size: int) -> dict[Set, float]:
    """The probability of each set of `size` out of `count` candidates."""
    return {frozenset(each): propensity(builder, each) for each in combinations(range(count), size)}


def check_rewards(rewards: Tensor, *, size: int) -> None:
    """Refuse what can't be chosen from.

    Raises:
        ValueError: not (K, members), a reward that is not finite, or fewer than `size` candidates, or size below 2.
    """
    if rewards.ndim != 2 or not rewards.is_floating_point() or not rewards.shape[1]:
        raise ValueError(f"rewards are {tuple(rewards.shape)} of {rewards.dtype}: give floats (candidates, members)")
    if not bool(torch.isfinite(rewards).all()):
        row, member = (~torch.isfinite(rewards)).nonzero()[0].tolist()
        raise ValueError(f"the reward of candidate {row} by member {member} is {rewards[row, member]}: must be finite")
    if not 2 <= size <= len(rewards):
        raise ValueError(
            f"a set of {size} out of {len(rewards)} candidates: choose 2 or more, and no more than there are"
        )


def num_sets(*, count: int, size: int) -> int:
    """C(K, k)."""
    return math.comb(count, size)


def _greedy(scores: Tensor) -> Builder:
    return Builder(_pairs(scores), lambda chosen: _best(_summed(scores, chosen), besides=chosen))


def _pairs(scores: Tensor) -> dict[Set, float]:
    """The pair of the highest score; equal ones alike."""
    rows, columns = torch.triu_indices(len(scores), len(scores), offset=1)
    found = _best(scores[rows, columns])
    return {
        frozenset((int(rows[place]), int(columns[place]))): float(found[place])
        for place in found.nonzero()[:, 0].tolist()
    }


def _alone(probabilities: Tensor) -> dict[Set, float]:
    return {frozenset((place,)): float(probabilities[place]) for place in probabilities.nonzero()[:, 0].tolist()}


def _best(scores: Tensor, *, besides: Set = frozenset()) -> Tensor:
    """Equal probability on the highest of those not left out, which scores of about 1e-9 do not part."""
    left = scores.clone().double()
    left[sorted(besides)] = -torch.inf
    best = left.max()
    equal = (left >= best - _EQUAL * best.abs().clamp(min=1)).double()
    return equal / equal.sum()


def _named_best(rewards: Tensor) -> Tensor:
    """How probable it is that a random member gives each candidate its highest reward, (K,)."""
    return torch.stack([_best(rewards[:, member]) for member in range(rewards.shape[1])]).mean(0)


def _summed(scores: Tensor, chosen: Set) -> Tensor:
    return scores[:, sorted(chosen)].sum(1)


def _without(probabilities: Tensor, chosen: Set) -> Tensor:
    left = probabilities.clone()
    left[sorted(chosen)] = 0
    return left


def _preferences(rewards: Tensor) -> Tensor:
    exact = rewards.double()
    return torch.sigmoid(exact[:, None] - exact[None])


def _variance_of_differences(rewards: Tensor) -> Tensor:
    exact = rewards.double()
    spread: Tensor = (exact[:, None] - exact[None]).var(2, unbiased=False)
    return spread


def _entropy(p: Tensor) -> Tensor:
    return -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p))


def _draw(probabilities: Tensor, generator: torch.Generator) -> int:
    return int(torch.multinomial(probabilities, 1, generator=generator))
