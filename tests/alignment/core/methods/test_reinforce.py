from __future__ import annotations

import pytest
import torch

from alignment.core.config import InvalidSetting, ReinforceConfig, TrainerConfig
from alignment.core.methods.reinforce import Reinforce
from alignment.core.records import Message
from alignment.core.trainer import train
from tests.enumerable import PROMPT, TableBackbone, TableSampler, closed_form, reward_of

REWARDS = torch.tensor([1.0, 0.0, -1.0, 0.5, 2.0, 0.0, -0.5, 0.3, 1.5])
BASE = torch.tensor([[0.5, -0.2, 0.1], [0.0, 0.3, -0.4], [0.2, 0.2, 0.0], [-0.3, 0.4, 0.1]])
PROMPTS = [(Message("user", f"say {word}"),) for word in ("one", "two", "a boat", "why not")]


def even_tokens(encoded):
    return torch.tensor([float(sum(token % 2 == 0 for token in each.completion_ids)) for each in encoded])


@pytest.mark.parametrize(("baseline", "factor"), [("dr_grpo", 1.0), ("rloo", 9 / 8)])
def test_the_gradient_is_the_exact_policy_gradient(baseline, factor):
    """A uniform policy with each of the nine completions once; rloo is n / (n - 1) times the centred reward."""
    backbone = TableBackbone(BASE)
    config = ReinforceConfig(baseline=baseline, beta=0.7, missing_eos_penalty=0.0, completions_per_prompt=9)
    method = Reinforce(backbone, config, reward=reward_of(REWARDS), sampler=TableSampler(backbone, each_once=True))
    backbone.tables["policy"].data.copy_(-BASE)

    (update,) = method.updates([PROMPT], generator=torch.Generator())
    (loss,) = method.losses(update.units)
    (found,) = torch.autograd.grad(loss.totals["loss"] / update.counts["loss"], backbone.tables["policy"])

    table = (-BASE).clone().requires_grad_()
    rows, reference = (BASE + table).log_softmax(-1), BASE.log_softmax(-1)
    logprobs = torch.stack([rows[3, i // 3] + rows[i // 3, i % 3] for i in range(9)])
    of_reference = torch.stack([reference[3, i // 3] + reference[i // 3, i % 3] for i in range(9)])
    objective = (logprobs.exp() * (factor * REWARDS - 0.7 * (logprobs - of_reference))).sum()
    (expected,) = torch.autograd.grad(objective, table)
    torch.testing.assert_close(found, -expected, atol=1e-6, rtol=1e-5)


def test_grpo_measures_rewards_in_standard_deviations():
    def gradient(scale):
        backbone = TableBackbone(BASE)
        config = ReinforceConfig(baseline="grpo", beta=0.0, missing_eos_penalty=0.0, completions_per_prompt=9)
        sampler = TableSampler(backbone, each_once=True)
        method = Reinforce(backbone, config, reward=reward_of(scale * REWARDS), sampler=sampler)
        (update,) = method.updates([PROMPT], generator=torch.Generator())
        (loss,) = method.losses(update.units)
        return torch.autograd.grad(loss.totals["loss"], backbone.tables["policy"])[0]

    torch.testing.assert_close(gradient(1.0), gradient(50.0), atol=1e-3, rtol=1e-3)
    assert gradient(1.0).abs().sum() > 0.1


@pytest.mark.slow
def test_reinforce_reaches_the_closed_form_of_the_regularised_optimum():
    backbone = TableBackbone(BASE)
    config = ReinforceConfig(baseline="dr_grpo", beta=0.5, missing_eos_penalty=0.0, completions_per_prompt=64)
    method = Reinforce(backbone, config, reward=reward_of(REWARDS), sampler=TableSampler(backbone))

    train(method, [PROMPT] * 4, TrainerConfig(steps=150, batch_size=4, lr=0.1, seed=2))

    expected = closed_form(backbone.completion_logprobs(None), REWARDS, beta=0.5)
    found = backbone.completion_logprobs("policy").detach().exp()
    assert float((found - expected).abs().sum() / 2) < 0.03


def test_on_a_transformer_the_policy_that_learns_is_the_one_that_sampled(tiny_backbone):
    config = ReinforceConfig(max_new_tokens=6, completions_per_prompt=4)
    method = Reinforce(tiny_backbone, config, reward=even_tokens)

    history = train(method, PROMPTS, TrainerConfig(steps=3, batch_size=4, lr=1e-2)).history

    assert [metrics["ratio"] for metrics in history] == pytest.approx([1.0, 1.0, 1.0], abs=1e-6)
    assert history[0]["kl"] == pytest.approx(0.0, abs=1e-5)
    assert abs(history[2]["kl"]) > 1e-3  # it has moved


def test_one_completion_has_no_others_to_compare_with():
    with pytest.raises(InvalidSetting, match="completions_per_prompt is 1; it must be a whole number from 2 to 64"):
        ReinforceConfig(completions_per_prompt=1)
