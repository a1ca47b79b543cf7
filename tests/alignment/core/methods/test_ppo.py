from __future__ import annotations

from typing import Any

import pytest
import torch

from alignment.core.config import PPOConfig, TrainerConfig
from alignment.core.methods.ppo import PPO
from alignment.core.methods.rollouts import Rollout
from alignment.core.records import Demonstration, Message
from alignment.core.trainer import train
from tests.enumerable import COMPLETIONS, PROMPT, TableBackbone, TableSampler, closed_form, reward_of

REWARDS = torch.tensor([1.0, 0.0, -1.0, 0.5, 2.0, 0.0, -0.5, 0.3, 1.5])
BASE = torch.tensor([[0.5, -0.2, 0.1], [0.0, 0.3, -0.4], [0.2, 0.2, 0.0], [-0.3, 0.4, 0.1]])
PROMPTS = [(Message("user", f"say {word}"),) for word in ("one", "two", "a boat", "why not")]


def even_tokens(encoded):
    """A planted reward: how many of a completion's tokens have an even id."""
    return torch.tensor([float(sum(token % 2 == 0 for token in each.completion_ids)) for each in encoded])


def settings(**changes):
    exact = {"lam": 1.0, "whiten_advantages": False, "epochs": 1, "missing_eos_penalty": 0.0, "max_new_tokens": 2}
    return PPOConfig(**exact | changes)


def gradients(method, *, prompts=(PROMPT,), seed=0):
    """Gradients by role of the first update."""
    generator = torch.Generator().manual_seed(seed)
    update = next(iter(method.updates(method.examples(list(prompts)), generator=generator)))
    for loss in method.losses(update.units):
        total = sum(total / update.counts[part] for part, total in loss.totals.items())
        torch.autograd.backward(total)
    return {
        group.role: [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in group.parameters]
        for group in method.parameter_groups()[:2]
    }


def test_the_gradient_at_ratio_one_is_the_exact_policy_gradient():
    """The policy is uniform over the nine completions, so each of them once is the exact expectation."""
    backbone = TableBackbone(BASE)
    method = PPO(
        backbone,
        settings(beta=0.7),
        reward=reward_of(REWARDS),
        sampler=TableSampler(backbone, each_once=True),
    )
    backbone.tables["policy"].data.copy_(-BASE)

    (found,) = gradients(method)["policy"]
    table = backbone.tables["policy"].detach().clone().requires_grad_()
    rows = (BASE + table).log_softmax(-1)
    logprobs = torch.stack([rows[3, i // 3] + rows[i // 3, i % 3] for i in range(9)])
    reference = torch.stack([BASE.log_softmax(-1)[3, i // 3] + BASE.log_softmax(-1)[i // 3, i % 3] for i in range(9)])
    objective = (logprobs.exp() * (REWARDS - 0.7 * (logprobs - reference))).sum()
    (expected,) = torch.autograd.grad(objective, table)

    # PPO's loss is a mean over tokens, two in each completion, of what it maximises.
    torch.testing.assert_close(found, -expected / 2, atol=1e-6, rtol=1e-5)


def test_the_first_minibatch_has_ratio_one_and_no_kl_to_itself(tiny_backbone):
    method = PPO(tiny_backbone, PPOConfig(max_new_tokens=6, minibatches=2), reward=even_tokens)

    result = train(method, PROMPTS, TrainerConfig(steps=3, batch_size=4, lr=1e-3))

    for metrics in result.history:
        assert metrics["first_ratio"] == pytest.approx(1.0, abs=1e-6)
        assert metrics["first_approx_kl"] == pytest.approx(0.0, abs=1e-10)
    assert result.history[0]["kl"] == pytest.approx(0.0, abs=1e-5)
    assert result.history[-1]["ratio"] != result.history[-1]["first_ratio"]


def test_ptx_adds_its_weight_times_the_gradient_of_the_demonstrations_likelihood():
    demonstrations = [Demonstration(PROMPT, "ab"), Demonstration(PROMPT, "cc"), Demonstration(PROMPT, "ca")]

    def policy_gradient(weight, reward):
        backbone = TableBackbone(BASE)
        sampler = TableSampler(backbone, each_once=True)
        config = settings(beta=0.0, ptx_weight=weight)
        return gradients(PPO(backbone, config, reward=reward, demonstrations=demonstrations, sampler=sampler))[
            "policy"
        ][0]

    mixed = policy_gradient(2.5, reward_of(REWARDS))

    table = torch.zeros(4, 3, requires_grad=True)
    rows = (BASE + table).log_softmax(-1)
    nll = -(rows[3, 0] + rows[0, 1] + rows[3, 2] + rows[2, 2] + rows[3, 2] + rows[2, 0]) / 6
    (of_nll,) = torch.autograd.grad(nll, table)
    torch.testing.assert_close(mixed, policy_gradient(0.0, reward_of(REWARDS)) + 2.5 * of_nll, atol=1e-6, rtol=1e-5)


def test_ptx_without_demonstrations_is_refused():
    with pytest.raises(ValueError, match=r"ptx_weight is 1\.0 and there are no demonstrations"):
        PPO(TableBackbone(BASE), settings(ptx_weight=1.0), reward=reward_of(REWARDS))


@pytest.mark.slow
def test_ppo_reaches_the_closed_form_of_the_regularised_optimum():
    backbone = TableBackbone(BASE)
    method = PPO(
        backbone,
        settings(beta=0.5, lam=0.95, whiten_advantages=False, completions_per_prompt=64),
        reward=reward_of(REWARDS),
        sampler=TableSampler(backbone),
    )

    train(method, [PROMPT] * 4, TrainerConfig(steps=150, batch_size=4, lr=0.1, schedule="linear", seed=1))

    expected = closed_form(backbone.completion_logprobs(None), REWARDS, beta=0.5)
    found = backbone.completion_logprobs("policy").detach().exp()
    assert float((found - expected).abs().sum() / 2) < 0.03  # total variation; 0.5 before training
    assert COMPLETIONS[int(found.argmax())] == "bb"


def test_adaptive_beta_rises_when_the_kl_is_above_its_target(tiny_backbone):
    config = PPOConfig(max_new_tokens=4, target_kl=1e-6, kl_horizon=100, beta=0.1)
    method = PPO(tiny_backbone, config, reward=even_tokens)

    train(method, PROMPTS, TrainerConfig(steps=3, batch_size=4, lr=3e-2))

    assert method.beta > 0.1
    assert method.state_dict()["beta"] == method.beta


def test_a_rollout_that_does_not_end_costs_the_penalty(tiny_backbone):
    def first_reward(penalty):
        method = PPO(tiny_backbone, PPOConfig(max_new_tokens=3, missing_eos_penalty=penalty), reward=even_tokens)
        return train(method, PROMPTS, TrainerConfig(steps=1, batch_size=4, lr=1e-9)).metrics

    free, dear = first_reward(0.0), first_reward(2.0)

    assert free["eos_rate"] < 1
    assert free["reward"] - dear["reward"] == pytest.approx(2.0 * (1 - free["eos_rate"]))


def test_the_critics_backward_pass_does_not_touch_the_policys_gradient(tiny_backbone):
    """The regression test for adapters switched between forward and backward: gradients vanish without an error."""
    config = PPOConfig(max_new_tokens=4, missing_eos_penalty=0.0)
    method = PPO(tiny_backbone, config, reward=even_tokens)
    method.value_head.linear.weight.data.fill_(0.1)  # else the critic's adapter has no gradient yet
    both = gradients(method, prompts=PROMPTS)
    for parameter in [*tiny_backbone.parameters("policy"), *tiny_backbone.parameters("value")]:
        parameter.grad = None

    generator = torch.Generator().manual_seed(0)
    update = next(iter(method.updates(method.examples(PROMPTS), generator=generator)))
    with tiny_backbone.adapter("policy"):
        loss = method._policy_loss([unit for unit in update.units if isinstance(unit, Rollout)])
        torch.autograd.backward(loss.totals["policy"] / update.counts["policy"])

    for alone, together in zip(tiny_backbone.parameters("policy"), both["policy"], strict=True):
        torch.testing.assert_close(alone.grad, together)
    assert any(bool(gradient.abs().sum() > 0) for gradient in both["policy"])
    assert any(bool(gradient.abs().sum() > 0) for gradient in both["value"])
    assert all(parameter.grad is None for parameter in tiny_backbone.parameters("value"))


@pytest.mark.slow
def test_ppo_raises_a_planted_reward_at_a_finite_kl(tiny_backbone):
    config = PPOConfig(max_new_tokens=8, beta=0.02, completions_per_prompt=8, missing_eos_penalty=0.0)
    method = PPO(tiny_backbone, config, reward=even_tokens)

    history = train(method, PROMPTS, TrainerConfig(steps=25, batch_size=4, lr=5e-3)).history

    assert history[-1]["reward"] > history[0]["reward"] + 1.0
    assert 0 < history[-1]["kl"] < 100


@pytest.mark.parametrize("micro_batch_tokens", [40, 4096])
def test_micro_batches_change_no_gradient(load_backbone, micro_batch_tokens):
    def weights(tokens):
        backbone = load_backbone("llama")
        method = PPO(backbone, PPOConfig(max_new_tokens=6), reward=even_tokens)
        config = TrainerConfig(steps=1, batch_size=4, lr=1e-3, micro_batch_tokens=tokens)
        train(method, PROMPTS, config)
        return [parameter.detach().clone() for parameter in backbone.parameters("policy")]

    for whole, parts in zip(weights(10**6), weights(micro_batch_tokens), strict=True):
        torch.testing.assert_close(parts, whole, atol=2e-5, rtol=1e-3)


def test_a_reward_that_is_no_number_is_refused_with_the_completion_and_no_weight_moves(tiny_backbone):
    def reward(encoded):
        return torch.tensor([1.0, float("nan"), 0.0, 0.0])

    method = PPO(tiny_backbone, settings(), reward=reward)
    before = [tensor.detach().clone() for tensor in tiny_backbone.parameters("policy")]

    with pytest.raises(ValueError, match=r"the reward gave nan for completion 1, '.*'; rewards must be numbers"):
        train(method, PROMPTS, TrainerConfig(steps=1, batch_size=4))

    assert all(torch.equal(one, other) for one, other in zip(before, tiny_backbone.parameters("policy"), strict=True))


def test_rewards_may_be_a_list_of_numbers(tiny_backbone):
    def reward(encoded) -> Any:  # a program without types may do so
        return [2] * len(encoded)

    method = PPO(tiny_backbone, settings(), reward=reward)

    metrics = train(method, PROMPTS, TrainerConfig(steps=1, batch_size=4)).metrics

    assert metrics["reward"] == 2.0
