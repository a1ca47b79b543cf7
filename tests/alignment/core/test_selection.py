"""Rules over an ensemble's rewards: each against its definition, computed here another way."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations, permutations, product

import numpy as np
import pytest
import torch

from alignment.core.selection import (
    RULES,
    THOMPSON_TRIES,
    Rule,
    check_rewards,
    draw,
    every_set,
    propensity,
)

REWARDS = torch.tensor(
    [
        [0.9, -0.2, 0.3, 0.1],
        [0.4, 1.1, 0.2, 0.0],
        [-0.5, 0.6, 0.8, -0.9],
        [0.1, 0.2, -1.5, 2.0],
        [-1.0, -0.7, -0.1, 0.4],
    ]
)
"""Five candidates by four members, of whom no two agree."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pair_scores(score) -> dict[frozenset[int], float]:
    rewards = REWARDS.double().numpy()
    return {frozenset(pair): score(rewards[pair[0]], rewards[pair[1]]) for pair in combinations(range(5), 2)}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def entropy(p):
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


def bald_score(first, second) -> float:
    p = sigmoid(first - second)
    return float(entropy(p.mean()) - entropy(p).mean())


def variance_score(first, second) -> float:
    return float(sigmoid(first - second).var())


@pytest.mark.parametrize("rule", list(Rule))
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_the_propensities_of_all_sets_sum_to_one(rule: Rule, size: int):
    found = every_set(RULES[rule](REWARDS), count=5, size=size)

    assert sum(found.values()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("rule", list(Rule))
def test_sets_are_drawn_as_often_as_their_propensity_says(rule: Rule):
    builder, generator = RULES[rule](REWARDS), seeded(5)

    drawn = Counter(draw(builder, size=3, generator=generator) for _ in range(1500))

    for each, probability in every_set(builder, count=5, size=3).items():
        # Five standard deviations.
        margin = 5 * (probability * (1 - probability) / 1500) ** 0.5
        assert drawn[each] / 1500 == pytest.approx(probability, abs=margin + 1e-9)


def test_random_gives_every_set_one_over_their_number():
    found = every_set(RULES[Rule.RANDOM](REWARDS), count=5, size=3)

    assert all(each == pytest.approx(0.1) for each in found.values())


@pytest.mark.parametrize(("rule", "score"), [(Rule.BALD, bald_score), (Rule.VARIANCE, variance_score)])
def test_the_uncertain_rules_take_the_pair_of_the_highest_score_for_certain(rule: Rule, score):
    scores = pair_scores(score)

    found = every_set(RULES[rule](REWARDS), count=5, size=2)

    assert found[max(scores, key=lambda pair: scores[pair])] == 1
    assert sum(each > 0 for each in found.values()) == 1


@pytest.mark.parametrize(("rule", "score"), [(Rule.BALD, bald_score), (Rule.VARIANCE, variance_score)])
def test_a_third_one_is_the_one_whose_comparisons_score_highest_in_sum(rule: Rule, score):
    scores = pair_scores(score)
    pair = max(scores, key=lambda each: scores[each])
    third = max(set(range(5)) - pair, key=lambda c: sum(scores[frozenset((c, one))] for one in pair))

    assert propensity(RULES[rule](REWARDS), pair | {third}) == 1


def test_double_thompson_is_what_its_loop_of_tries_does():
    best = REWARDS.argmax(0).tolist()
    expected: defaultdict[frozenset[int], float] = defaultdict(float)
    for first in best:
        missed = 1.0
        for _ in range(THOMPSON_TRIES):
            for other in best:
                if other != first:
                    expected[frozenset((first, other))] += 0.25 * missed * 0.25
            missed *= sum(other == first for other in best) / 4
        for other in set(range(5)) - {first}:
            expected[frozenset((first, other))] += 0.25 * missed / 4

    found = every_set(RULES[Rule.DTS](REWARDS), count=5, size=2)

    assert found == {pair: pytest.approx(expected[pair], abs=1e-12) for pair in found}


def test_double_thompson_whose_members_agree_takes_the_best_and_any_other():
    agreed = torch.tensor([[3.0, 2.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]])

    found = every_set(RULES[Rule.DTS](agreed), count=4, size=2)

    assert {frozenset(each) for each in ((0, 1), (0, 2), (0, 3))} == {each for each, p in found.items() if p > 0}
    assert found[frozenset((0, 2))] == pytest.approx(1 / 3)


def test_double_thompson_for_three_sums_over_every_order():
    named = [sum(best == c for best in REWARDS.argmax(0).tolist()) / 4 for c in range(5)]
    wanted, expected = (0, 1, 3), 0.0
    for one, two, three in permutations(wanted):
        probability, taken = named[one], [one]
        for following in (two, three):
            inside = sum(named[each] for each in taken)
            missed = inside**THOMPSON_TRIES
            tries = sum(inside**number * named[following] for number in range(THOMPSON_TRIES))
            probability *= tries + missed / (5 - len(taken))
            taken.append(following)
        expected += probability

    assert propensity(RULES[Rule.DTS](REWARDS), wanted) == pytest.approx(expected, abs=1e-12)


def test_bai_ts_takes_a_thompson_winner_and_the_most_uncertain_difference_to_it():
    rewards = REWARDS.double().numpy()
    expected: defaultdict[frozenset[int], float] = defaultdict(float)
    for first in REWARDS.argmax(0).tolist():
        spread = {other: (rewards[first] - rewards[other]).var() for other in set(range(5)) - {first}}
        expected[frozenset((first, max(spread, key=lambda other: spread[other])))] += 0.25

    found = every_set(RULES[Rule.BAI_TS](REWARDS), count=5, size=2)

    assert {each: p for each, p in found.items() if p} == {each: pytest.approx(p) for each, p in expected.items()}


def test_best_against_worst_goes_on_with_the_next_ones():
    order = REWARDS.double().mean(1).argsort(descending=True).tolist()
    builder = RULES[Rule.BEST_WORST](REWARDS)

    assert propensity(builder, {order[0], order[-1]}) == 1
    assert propensity(builder, {order[0], order[-1], order[1]}) == 1
    assert propensity(builder, {order[0], order[-1], order[1], order[-2]}) == 1


def test_d_optimal_takes_the_comparisons_that_shrink_the_posterior_most():
    rewards = REWARDS.double().numpy()
    centred = rewards - rewards.mean(1, keepdims=True)
    mean = rewards.mean(1)

    def log_det(pairs) -> float:
        a = np.eye(4)
        for i, j in pairs:
            x = (centred[i] - centred[j]) / 2
            p = sigmoid(mean[i] - mean[j])
            a += p * (1 - p) * np.outer(x, x)
        return float(np.linalg.slogdet(a)[1])

    pair = max(combinations(range(5), 2), key=lambda each: log_det([each]))
    third = max(set(range(5)) - set(pair), key=lambda c: log_det([pair, (c, pair[0]), (c, pair[1])]))
    builder = RULES[Rule.D_OPTIMAL](REWARDS)

    assert propensity(builder, pair) == 1
    assert propensity(builder, {*pair, third}) == 1


def test_what_stands_equal_is_taken_alike():
    twins = torch.tensor([[1.0, -1.0], [1.0, -1.0], [0.0, 0.0]])  # the first two are the same

    uncertain = every_set(RULES[Rule.VARIANCE](twins), count=3, size=2)
    extremes = every_set(RULES[Rule.BEST_WORST](torch.zeros(4, 2)), count=4, size=2)

    assert uncertain == {frozenset((0, 1)): 0, frozenset((0, 2)): 0.5, frozenset((1, 2)): 0.5}
    assert all(each == pytest.approx(1 / 6) for each in extremes.values())


@pytest.mark.parametrize("rule", list(Rule))
def test_everything_is_chosen_for_certain(rule: Rule):
    assert propensity(RULES[rule](REWARDS), range(5)) == pytest.approx(1)


@pytest.mark.parametrize("rule", list(Rule))
def test_the_names_of_candidates_do_not_matter(rule: Rule):
    order = [3, 0, 4, 1, 2]

    found = every_set(RULES[rule](REWARDS[order]), count=5, size=3)

    for each, probability in every_set(RULES[rule](REWARDS), count=5, size=3).items():
        assert found[frozenset(order.index(c) for c in each)] == pytest.approx(probability)


@pytest.mark.parametrize(
    ("rewards", "size", "said"),
    [
        (torch.tensor([[0.0, 1.0], [float("nan"), 0.0]]), 2, "candidate 1 by member 0 is nan"),
        (torch.tensor([[0.0, float("inf")], [1.0, 0.0]]), 2, "candidate 0 by member 1 is inf"),
        (torch.zeros(3), 2, r"rewards are \(3,\)"),
        (torch.zeros(3, 0), 2, r"rewards are \(3, 0\)"),
        (torch.zeros(3, 2), 4, "a set of 4 out of 3 candidates"),
        (torch.zeros(3, 2), 1, "a set of 1 out of 3 candidates"),
    ],
)
def test_what_cannot_be_chosen_from_is_refused_by_name(rewards, size, said):
    with pytest.raises(ValueError, match=said):
        check_rewards(rewards, size=size)


def test_every_rule_can_choose_every_size_of_random_ensembles():
    for rule, (count, members) in product(Rule, [(2, 2), (3, 5), (7, 3)]):
        rewards = torch.randn(count, members, generator=seeded(count))
        builder = RULES[rule](rewards)
        for size in range(2, count + 1):
            chosen = draw(builder, size=size, generator=seeded())
            assert len(chosen) == size
            assert 0 < propensity(builder, chosen) <= 1
