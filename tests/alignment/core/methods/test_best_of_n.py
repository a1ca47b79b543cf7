from __future__ import annotations

import math
from collections import Counter
from itertools import product

import pytest
import torch

from alignment.core.config import SFTConfig, TrainerConfig
from alignment.core.config_data import BestOfNConfig, RejectionConfig
from alignment.core.methods.best_of_n import collect_accepted, collect_best
from alignment.core.methods.sft import SupervisedFineTuning
from alignment.core.rollout import Sampled
from alignment.core.statistics.kl import best_of_n_kl
from alignment.core.trainer import train
from tests.enumerable import COMPLETIONS, PROMPT, TableBackbone, TableSampler, closed_form, ids_of, reward_of
from tests.scripted import ScriptedSampler, asked, sampled


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class EveryDraw:
    """Every possible group of n completions once, as that of a prompt of its own."""

    def __init__(self, completions):
        self.completions = completions

    def sample(self, prompts, *, settings, generator):
        groups = product(self.completions, repeat=settings.num_completions)
        return [list(group) for _, group in zip(prompts, groups, strict=True)]


def letters(k):
    return Sampled(COMPLETIONS[k], ids_of(COMPLETIONS[k]), True, None, (3,))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_best_of_n_has_the_exact_distribution_also_with_equal_rewards(n):
    policy = torch.tensor([0.05, 0.3, 0.1, 0.02, 0.03, 0.2, 0.15, 0.1, 0.05], dtype=torch.float64)
    rewards = torch.tensor([1.0, -2.0, 0.5, 3.0, 0.5, 0.0, -1.0, 0.5, 2.0])
    count = 9**n

    found = collect_best(
        EveryDraw([letters(k) for k in range(9)]), [PROMPT] * count, BestOfNConfig(completions_per_prompt=n),
        reward=reward_of(rewards), generator=seeded(),
    )  # fmt: skip

    weights = torch.tensor([policy[list(group)].prod() for group in product(range(9), repeat=n)])
    chosen = torch.tensor([COMPLETIONS.index(each.completion) for each in found.demonstrations])
    drawn = torch.zeros(9, dtype=torch.float64).index_add_(0, chosen, weights)
    # P(r <= level)^n - P(r < level)^n for each level of reward, shared by its completions as the policy does.
    below = torch.stack([policy[rewards < level].sum() for level in rewards])
    level = torch.stack([policy[rewards == level].sum() for level in rewards])
    expected = ((below + level) ** n - below**n) * policy / level
    torch.testing.assert_close(drawn, expected, atol=1e-12, rtol=0)
    assert float(torch.xlogy(drawn, drawn / policy).sum()) <= best_of_n_kl(n) + 1e-12


def test_the_kl_of_the_best_of_two_on_a_fine_grid_is_the_formula():
    # 100 equally likely completions of different rewards: log 2 - 1/2 = 0.193147 less a little.
    completions = [Sampled(str(k), (k, 0), True, None, (3,)) for k in range(100)]

    found = collect_best(
        EveryDraw(completions), [PROMPT] * 100**2, BestOfNConfig(completions_per_prompt=2),
        reward=lambda encoded: torch.tensor([float(each.completion_ids[0]) for each in encoded]), generator=seeded(),
    )  # fmt: skip

    counts = Counter(each.completion for each in found.demonstrations)
    share = torch.tensor([counts[str(k)] for k in range(100)], dtype=torch.float64) / 100**2
    kl = float(torch.xlogy(share, share * 100).sum())
    assert kl == pytest.approx(0.193147, abs=2e-4)


def test_fine_tuning_on_the_best_of_four_gives_a_policy_with_its_distribution():
    # Rewards of the first letter only, so that a table of next letters can hold the best-of-n policy.
    backbone = TableBackbone(torch.zeros(4, 3))
    backbone.add_adapter("policy")
    rewards = torch.tensor([0.0, 1.0, 2.0]).repeat_interleave(3)
    found = collect_best(
        TableSampler(backbone), [PROMPT] * 3000, BestOfNConfig(completions_per_prompt=4),
        reward=reward_of(rewards), generator=seeded(),
    )  # fmt: skip

    config = TrainerConfig(steps=60, batch_size=100, lr=0.15)
    train(SupervisedFineTuning(backbone, SFTConfig()), found.demonstrations, config)

    # Best of four of three equally likely levels: (1/3)^4, (2/3)^4 - (1/3)^4, 1 - (2/3)^4.
    expected = torch.tensor([1 / 81, 15 / 81, 65 / 81]).repeat_interleave(3) / 3
    learned = backbone.completion_logprobs("policy").exp().detach()
    torch.testing.assert_close(learned, expected, atol=0.04, rtol=0)
    assert found.metrics["reward"] == pytest.approx(1.0, abs=0.05)
    assert found.metrics["best_reward"] == pytest.approx((15 + 130) / 81, abs=0.05)


def by_length(encoded):
    return torch.tensor([float(len(each.completion_ids)) for each in encoded])


def test_what_was_cut_off_is_never_the_best_and_a_prompt_without_any_other_gives_nothing():
    sampler = ScriptedSampler({"one": ["long and unfinished…", "ab", "abc"], "two": ["x…"]})

    found = collect_best(sampler, [asked("one"), asked("two")], BestOfNConfig(), reward=by_length, generator=seeded())

    assert [(each.prompt, each.completion, each.source) for each in found.demonstrations] == [
        (asked("one"), "abc", "model")
    ]
    assert found.metrics == {"kept": 1, "prompts": 1, "eos_rate": 0.5, "reward": 3.5, "best_reward": 4.0}


def test_rejection_sampling_draws_the_policy_that_trades_reward_against_kl():
    backbone = TableBackbone(torch.tensor([[0.3, -0.2, 0.5], [0.0, 1.0, -1.0], [0.4, 0.4, 0.0], [-0.5, 0.2, 0.1]]))
    backbone.add_adapter("policy")
    rewards = torch.tensor([0.5, -1.0, 0.2, 0.0, 0.8, -0.3, 1.0, 0.4, -0.6])
    config = RejectionConfig(beta=0.7, highest=1.0, completions_per_prompt=1000, keep=1000)

    found = collect_accepted(
        TableSampler(backbone), [PROMPT] * 40, config, reward=reward_of(rewards), generator=seeded()
    )

    expected = closed_form(backbone.completion_logprobs(None), rewards, beta=0.7).double()
    counts = torch.bincount(torch.tensor([COMPLETIONS.index(each.completion) for each in found.demonstrations]))
    total = int(counts.sum())
    deviation = (expected * (1 - expected) / total).sqrt()
    assert ((counts / total - expected).abs() <= 4 * deviation).all()
    # What is accepted is the mean of exp((r - highest) / beta) over the policy that drew.
    drawn = backbone.completion_logprobs(None).exp()
    share = float((drawn * ((rewards - 1.0) / 0.7).exp()).sum())
    assert found.metrics["accepted"] == pytest.approx(share, abs=4 * (share * (1 - share) / 40_000) ** 0.5)
    assert total == round(found.metrics["accepted"] * 40_000)


def test_without_a_bound_the_highest_of_a_prompt_is_always_accepted():
    sampler = ScriptedSampler({"one": ["a", "abc", "ab"], "two": ["a…", "ab"]})
    config = RejectionConfig(beta=1e-3)

    found = collect_accepted(sampler, [asked("one"), asked("two")], config, reward=by_length, generator=seeded())

    assert [each.completion for each in found.demonstrations] == ["abc", "ab"]


def test_no_more_than_the_wanted_number_is_kept_and_repeated_ones_count():
    sampler = ScriptedSampler({"one": ["ab"] * 5})
    config = RejectionConfig(keep=3)

    found = collect_accepted(sampler, [asked("one")], config, reward=by_length, generator=seeded())

    assert [each.completion for each in found.demonstrations] == ["ab"] * 3
    assert found.metrics["accepted"] == 1


def test_a_reward_above_the_bound_is_refused():
    sampler = ScriptedSampler({"one": ["abc"]})

    with pytest.raises(ValueError, match="a reward is 4, highest is 2; give a bound"):
        collect_accepted(sampler, [asked("one")], RejectionConfig(highest=2.0), reward=by_length, generator=seeded())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_reward_that_is_no_finite_number_is_refused_with_the_completion(value):
    sampler = ScriptedSampler({"one": ["a", "bc"]})

    def reward(encoded):
        return torch.tensor([0.0, value])

    with pytest.raises(ValueError, match=rf"the reward of \({', '.join(map(str, sampled('bc').ids))}\) is {value}"):
        collect_best(sampler, [asked("one")], BestOfNConfig(), reward=reward, generator=seeded())


def test_another_number_of_rewards_than_completions_is_refused():
    sampler = ScriptedSampler({"one": ["a", "bc"]})

    with pytest.raises(ValueError, match=r"the reward gave \(1,\) for 2 completions"):
        collect_best(
            sampler, [asked("one")], BestOfNConfig(), reward=lambda encoded: torch.zeros(1), generator=seeded()
        )
