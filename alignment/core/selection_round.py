"""Which prompts to ask people about next, and with which completions; how probable each choice was, exactly.

A round asks about B of M prompts. A share epsilon of its items is chosen at random, prompt and completions. For the
others the rule puts the prompts in an order, by what the sets that it would build are worth, and takes the first ones
that chance did not take; the completions are the rule's. The propensity of an item is the probability, before
anything was drawn, that just this prompt would be asked about with just these completions:

    rho = epsilon B / M / C(K, k) + P(the prompt is among the rule's) P_rule(set),

and with everything chosen at random it would be B / M / C(K, k), the random propensity. Both are given the prompts and
the candidates written for them, which depend on no judgement of theirs. With B = M, rho is
epsilon / C(K, k) + (1 - epsilon) P_rule(set).

Weighted by random propensity / propensity, at most 1 / epsilon, a mean over the items asked about estimates what it
would be over random sets of random prompts: alignment.core.statistics.weighted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from alignment.core.design import Design
from alignment.core.selection import (
    RULES,
    Builder,
    Rule,
    bald_of,
    check_rewards,
    comparison_weights,
    d_optimal,
    deviations,
    draw,
    gap_of,
    num_sets,
    propensity,
    variance_of,
)

MEASURES = {Rule.BALD: bald_of, Rule.BEST_WORST: gap_of}
"""What a pair is worth to a rule, where it is not the variance of the preference probability."""


@dataclass(frozen=True)
class Choice:
    """An item to ask about.

    Attributes:
        prompt: its place among those given.
        chosen: places of the candidates, increasing.
        rule: that was in force: random when the one asked for could not be followed.
        propensity, random_propensity: see the module.
        is_random: whether it is of the share chosen at random.
    """

    prompt: int
    chosen: tuple[int, ...]
    rule: Rule
    propensity: float
    random_propensity: float
    is_random: bool


def rule_in_force(rule: Rule, rewards: Sequence[Tensor]) -> Rule:
    """The rule, or random where there is no uncertainty to go by: a single member, or nothing to choose from."""
    return Rule.RANDOM if not rewards or rewards[0].shape[1] < 2 else Rule(rule)


def choose_round(
    rewards: Sequence[Tensor],
    *,
    sizes: Sequence[int],
    rule: Rule,
    budget: int,
    random_share: float,
    generator: torch.Generator,
) -> list[Choice]:
    """Choose B of M prompts and a set of completions for each, in the order of the prompts.

    Args:
        rewards: of each prompt its candidates by the members of one ensemble, (K, members), nats.
        sizes: k of each prompt, 2 or more.
        budget: B; more than M is M.
        random_share: epsilon, above 0 and at most 1. The number of items at random is epsilon B, rounded up or down by
            chance so that it is that in the mean.

    Raises:
        ValueError: rewards that are not finite or of another shape, a size or a share out of range.
    """
    _check(rewards, sizes, budget=budget, random_share=random_share)
    total, budget = len(rewards), min(budget, len(rewards))
    rule = rule_in_force(rule, rewards)
    share = 1.0 if rule is Rule.RANDOM else random_share
    builders, order = _ordered(rewards, sizes, rule=rule)
    ranks = {prompt: place for place, prompt in enumerate(order)}
    at_random = _round_by_chance(share * budget, generator)
    drawn = torch.randperm(total, generator=generator)[:at_random].tolist()
    ruled = [prompt for prompt in order if prompt not in set(drawn)][: budget - at_random]
    choices = []
    for prompt in sorted([*drawn, *ruled]):
        is_random, size = prompt in drawn, sizes[prompt]
        builder = RULES[Rule.RANDOM](rewards[prompt]) if is_random else builders[prompt]
        chosen = draw(builder, size=size, generator=generator)
        of_all = num_sets(count=len(rewards[prompt]), size=size)
        by_rule = 0.0 if share == 1 else propensity(builders[prompt], chosen)
        taken = _taken_by_rule(ranks[prompt], total=total, budget=budget, expected=share * budget)
        choices.append(
            Choice(
                prompt=prompt,
                chosen=tuple(sorted(chosen)),
                rule=rule,
                propensity=min(1.0, share * budget / total / of_all + taken * by_rule),
                random_propensity=budget / total / of_all,
                is_random=is_random,
            )
        )
    return choices


def choose(rewards: Tensor, *, size: int, rule: Rule, random_share: float, generator: torch.Generator) -> Choice:
    """Choose k of the K candidates of one prompt: a round of one.

    Raises:
        ValueError: see choose_round.
    """
    [choice] = choose_round(
        [rewards], sizes=[size], rule=rule, budget=1, random_share=random_share, generator=generator
    )
    return choice


def worth_of(rewards: Tensor, builder: Builder, *, rule: Rule) -> float:
    """What the rule expects of a prompt: its measure of the pair that it would take, in the mean over what may come.

    BALD counts nats of information, best against worst nats of difference, all others the variance of the preference
    probability.
    """
    measure = MEASURES.get(rule, variance_of)(rewards)
    worth = 0.0
    for begin, probability in builder.start.items():
        if len(begin) == 2:
            i, j = begin
            worth += probability * float(measure[i, j])
        else:
            [i] = begin
            worth += probability * float(builder.step(begin) @ measure[i])
    return worth


def _ordered(rewards: Sequence[Tensor], sizes: Sequence[int], *, rule: Rule) -> tuple[list[Builder], list[int]]:
    """The builder of each prompt, and the prompts by their worth; of equal ones the first given comes first."""
    if rule is Rule.D_OPTIMAL:
        return _in_greedy_order(rewards, sizes)
    builders = [RULES[rule](each) for each in rewards]
    if rule is Rule.RANDOM:
        return builders, list(range(len(rewards)))
    worth = [worth_of(each, builder, rule=rule) for each, builder in zip(rewards, builders, strict=True)]
    return builders, sorted(range(len(rewards)), key=lambda prompt: -worth[prompt])


def _in_greedy_order(rewards: Sequence[Tensor], sizes: Sequence[int]) -> tuple[list[Builder], list[int]]:
    """D-optimal over the batch: next comes the prompt whose best pair teaches most, given all that came before."""
    features, weights = [deviations(each) for each in rewards], [comparison_weights(each) for each in rewards]
    design = Design.prior(rewards[0].shape[1])
    builders: dict[int, Builder] = {}
    order: list[int] = []
    while len(order) < len(rewards):
        best = {
            prompt: float(design.pair_gains(features[prompt], weights[prompt]).max())
            for prompt in range(len(rewards))
            if prompt not in builders
        }
        prompt = max(best, key=lambda each: best[each])
        builders[prompt] = d_optimal(rewards[prompt], design, features[prompt])
        order.append(prompt)
        # Where two sets teach the same, the batch goes on from the first of them, so that the order is no matter of
        # chance.
        likeliest = draw_first(builders[prompt], size=sizes[prompt])
        design = design.after(features[prompt], weights[prompt], sorted(likeliest))
    return [builders[prompt] for prompt in range(len(rewards))], order


def draw_first(builder: Builder, *, size: int) -> frozenset[int]:
    """The likeliest set step by step; of equal steps the first."""
    chosen = max(builder.start, key=lambda begin: (builder.start[begin], [-place for place in sorted(begin)]))
    while len(chosen) < size:
        chosen = chosen | {int(builder.step(chosen).argmax())}
    return chosen


def _taken_by_rule(rank: int, *, total: int, budget: int, expected: float) -> float:
    """P(chance does not take the prompt, and the rule does), over the number of items at random and which they are.

    Of the `rank` prompts before it chance takes a hypergeometric number when it takes n of the others; the rule takes
    the prompt when fewer than budget - n are left before it.
    """
    few = math.floor(expected)
    several = {few: 1 - (expected - few), few + 1: expected - few}
    return sum(
        probability * (1 - number / total) * _at_least(rank - (budget - number) + 1, rank=rank, total=total, n=number)
        for number, probability in several.items()
        if probability > 0 and number < budget
    )


def _at_least(least: int, *, rank: int, total: int, n: int) -> float:
    """P(at least so many of the first `rank` are among n drawn from the other total - 1)."""
    ways = partial(_ways, rank=rank, total=total, n=n)
    return sum(ways(number) for number in range(max(least, 0), min(rank, n) + 1)) / math.comb(total - 1, n)


def _ways(number: int, *, rank: int, total: int, n: int) -> int:
    return math.comb(rank, number) * math.comb(total - 1 - rank, n - number)


def _round_by_chance(value: float, generator: torch.Generator) -> int:
    """A whole number next to the value, which it is in the mean."""
    few = math.floor(value)
    return few + int(float(torch.rand((), generator=generator, dtype=torch.float64)) < value - few)


def _check(rewards: Sequence[Tensor], sizes: Sequence[int], *, budget: int, random_share: float) -> None:
    if len(sizes) != len(rewards):
        raise ValueError(f"there are {len(rewards)} prompts and {len(sizes)} sizes: give one for each")
    if budget < 0:
        raise ValueError(f"budget is {budget}: give the number of items wanted, 0 or more")
    if not 0 < random_share <= 1:
        raise ValueError(f"random_share is {random_share}: give above 0, so that every choice is possible, to 1")
    if len({each.shape[1] for each in rewards if each.ndim == 2}) > 1:
        raise ValueError(f"rewards come from {sorted({each.shape[1] for each in rewards})} members: use one ensemble")
    for each, size in zip(rewards, sizes, strict=True):
        check_rewards(each, size=size)
