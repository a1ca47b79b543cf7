"""V18: what is true in general, from a log of active questions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alignment.core.selection import Rule
from alignment.core.selection_round import choose_round
from alignment.core.statistics.weighted import effective_size, hajek, horvitz_thompson


def active_log(rule: Rule) -> tuple[float, list[float], list[float], list[int]]:
    """An ensemble that is unsure of hard pairs, asked actively: the true accuracy, and what the log holds.

    Of each pair the reward model is right or wrong for good; the truth is its mean over all pairs of all prompts.
    """
    generator = torch.Generator().manual_seed(11)
    truth = torch.randn(900, 5, generator=generator)
    members = truth[..., None] + 1.2 * torch.randn(900, 5, 4, generator=generator)
    mean = members.mean(-1)
    right = (mean[:, :, None] > mean[:, None]) == (truth[:, :, None] > truth[:, None])
    rows, columns = torch.triu_indices(5, 5, offset=1)
    values, weights, prompts = [], [], []
    for start in range(0, 900, 30):
        rewards = list(members[start : start + 30])
        for choice in choose_round(
            rewards, sizes=[2] * 30, rule=rule, budget=15, random_share=0.2, generator=generator
        ):
            i, j = choice.chosen
            values.append(float(right[start + choice.prompt, i, j]))
            weights.append(choice.random_propensity / choice.propensity)
            prompts.append(start + choice.prompt)
    return float(right[:, rows, columns].float().mean()), values, weights, prompts


@pytest.mark.parametrize("rule", [Rule.VARIANCE, Rule.BALD])
def test_the_naive_accuracy_of_an_active_log_is_biased_and_the_weighted_one_right(rule: Rule):
    true, values, weights, prompts = active_log(rule)

    naive = hajek(values, [1.0] * len(values), prompts, seed=0)
    weighted = hajek(values, weights, prompts, seed=0)

    assert not naive.low <= true <= naive.high
    assert weighted.low <= true <= weighted.high


def test_both_estimates_are_right_in_the_mean_over_many_logs_and_the_naive_one_is_not():
    generator = torch.Generator().manual_seed(0)
    rewards = [torch.randn(4, 3, generator=generator) for _ in range(6)]
    # Right on the pairs whose places differ by one: three of six.
    naive, inverse, ratio = [], [], []
    for _ in range(500):
        choices = choose_round(
            rewards, sizes=[2] * 6, rule=Rule.VARIANCE, budget=3, random_share=0.3, generator=generator
        )
        values = [float(choice.chosen[1] - choice.chosen[0] == 1) for choice in choices]
        weights = [choice.random_propensity / choice.propensity for choice in choices]
        naive.append(np.mean(values))
        inverse.append(horvitz_thompson(values, weights))
        ratio.append((np.dot(values, weights), np.sum(weights)))

    error = 4 * np.std(inverse) / 500**0.5
    assert abs(np.mean(inverse) - 0.5) < error
    assert sum(each[0] for each in ratio) / sum(each[1] for each in ratio) == pytest.approx(0.5, abs=error)
    assert abs(np.mean(naive) - 0.5) > 2 * error


def test_weights_are_never_above_one_over_the_random_share():
    _, _, weights, _ = active_log(Rule.VARIANCE)

    assert max(weights) <= 5 + 1e-9
    assert 1 < effective_size(weights) < len(weights)


def test_by_hand():
    assert horvitz_thompson([1, 0, 1], [2.0, 0.5, 0.5]) == pytest.approx(2.5 / 3)
    assert hajek([1, 0, 1], [2.0, 0.5, 0.5], [1, 2, 3], seed=0).estimate == pytest.approx(2.5 / 3)
    assert effective_size([2.0, 0.5, 0.5]) == pytest.approx(9 / 4.5)


@pytest.mark.parametrize("weights", [[1.0, 0.0], [1.0, float("nan")], [1.0, float("inf")]])
def test_a_weight_that_is_none_is_refused(weights):
    with pytest.raises(ValueError, match="must be above 0 and finite"):
        hajek([1, 0], weights, [1, 2], seed=0)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"values is \(2,\), weights is \(1,\)"):
        horvitz_thompson([1, 0], [1.0])
