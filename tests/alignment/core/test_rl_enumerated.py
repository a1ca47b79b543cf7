"""The gradients and the optimum of policy learning, on a language whose every sequence can be written down."""

from __future__ import annotations

import pytest
import torch

from alignment.core.likelihoods import bradley_terry
from alignment.core.rl import clipped_policy_loss, clipped_value_loss, gae, kl_shaped_rewards, whiten
from alignment.core.scores import implicit
from tests.toy_language import MASK, PREFIXES, SEQUENCES, STATES, make_policy, sequence_logprobs, tilted, token_logprobs


def toy_rewards():
    """A known reward of each of the 15 sequences."""
    return torch.randn(len(SEQUENCES), generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def exact_gradient(policy, reference, rewards, *, beta):
    """Gradient of E[reward] - beta KL(policy || reference), by its definition."""
    logits = policy.clone().requires_grad_()
    logp = sequence_logprobs(logits)
    (logp.exp() * (rewards - beta * (logp - sequence_logprobs(reference)))).sum().backward()
    return logits.grad


def surrogate_gradient(policy, reference, rewards, *, beta, values=None, lam=1.0):
    """What one PPO step sees when every sequence is sampled as often as the policy writes it."""
    logits = policy.clone().requires_grad_()
    old = token_logprobs(policy)
    shaped = kl_shaped_rewards(rewards, old, token_logprobs(reference), MASK, beta=beta)
    values = torch.zeros_like(shaped) if values is None else values[STATES]
    advantages, returns = gae(shaped, values, MASK, gamma=1.0, lam=lam)
    weight = sequence_logprobs(policy).exp()[:, None]
    loss, _, _ = clipped_policy_loss(token_logprobs(logits), old, weight * advantages, MASK, clip=0.2)
    loss.backward()
    return logits.grad, returns


def exact_values(policy, reference, rewards, *, beta):
    """Expected return from each prefix on, (7,)."""
    _, returns = surrogate_gradient(policy, reference, rewards, beta=beta)
    weight = sequence_logprobs(policy).exp()[:, None] * MASK
    total = torch.zeros(len(PREFIXES), dtype=torch.float64).index_add(0, STATES.flatten(), (weight * returns).flatten())
    return total / torch.zeros_like(total).index_add(0, STATES.flatten(), weight.flatten())


def test_gradient_at_ratio_one_is_the_exact_policy_gradient():
    policy, reference, rewards = make_policy(0), make_policy(1), toy_rewards()

    gradient, _ = surrogate_gradient(policy, reference, rewards, beta=0.3)

    torch.testing.assert_close(-gradient, exact_gradient(policy, reference, rewards, beta=0.3))


def test_any_baseline_of_the_prefix_leaves_the_gradient_exact_and_true_values_do_so_at_every_lambda():
    policy, reference, rewards = make_policy(0), make_policy(1), toy_rewards()
    exact = exact_gradient(policy, reference, rewards, beta=0.3)
    truth = exact_values(policy, reference, rewards, beta=0.3)

    for values, lam in ((torch.arange(7.0).double(), 1.0), (truth, 0.95), (truth, 0.0)):
        gradient, _ = surrogate_gradient(policy, reference, rewards, beta=0.3, values=values, lam=lam)
        torch.testing.assert_close(-gradient, exact)


def test_kl_as_a_loss_per_token_is_not_the_gradient_of_the_kl():
    """Guards against taking the KL out of the reward: a token's KL loss can't know the KL of later tokens."""
    policy, reference = make_policy(0), make_policy(1)
    exact = exact_gradient(policy, reference, torch.zeros(len(SEQUENCES)).double(), beta=1.0)
    logits = policy.clone().requires_grad_()
    weight = sequence_logprobs(policy).exp()[:, None] * MASK
    log_ratio = (token_logprobs(policy) - token_logprobs(reference)).detach()

    (weight * log_ratio * token_logprobs(logits)).sum().backward()

    assert (logits.grad + exact).norm() / exact.norm() > 0.05


BETA = 0.7


@pytest.fixture
def optimum():
    return tilted(make_policy(1), toy_rewards(), BETA)


def assert_reaches(logits, optimum, *, atol):
    torch.testing.assert_close(sequence_logprobs(logits).exp(), optimum, atol=atol, rtol=0.0)


def test_dpo_reaches_the_tilted_reference(optimum):
    reference, rewards = make_policy(1), toy_rewards()
    logits = reference.clone().requires_grad_()
    i, j = torch.triu_indices(len(SEQUENCES), len(SEQUENCES), offset=1)
    p_win = torch.sigmoid(rewards[i] - rewards[j])
    optimizer = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        scores = implicit(token_logprobs(logits), token_logprobs(reference), MASK, beta=BETA)
        difference = scores[i] - scores[j]
        loss = (p_win * bradley_terry(difference) + (1 - p_win) * bradley_terry(-difference)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)

    assert_reaches(logits.detach(), optimum, atol=1e-5)


def test_reinforce_reaches_the_tilted_reference(optimum):
    reference, rewards = make_policy(1), toy_rewards()
    logits = reference.clone().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.05)

    for _ in range(500):
        logprobs = token_logprobs(logits)
        shaped = kl_shaped_rewards(rewards, logprobs, token_logprobs(reference), MASK, beta=BETA)
        _, returns = gae(shaped, torch.zeros_like(shaped), MASK, gamma=1.0, lam=1.0)
        weight = sequence_logprobs(logits).detach().exp()
        baseline = (weight * returns[:, 0]).sum()
        optimizer.zero_grad()
        (-(weight[:, None] * (returns - baseline)) * logprobs)[MASK].sum().backward()
        optimizer.step()

    assert_reaches(logits.detach(), optimum, atol=1e-3)


def test_ppo_on_sampled_rollouts_with_a_learned_critic_reaches_the_tilted_reference(optimum):
    torch.manual_seed(3)
    reference, rewards = make_policy(1), toy_rewards()
    logits, critic = reference.clone().requires_grad_(), torch.zeros(len(PREFIXES)).double().requires_grad_()
    optimizer = torch.optim.Adam([{"params": [logits], "lr": 0.02}, {"params": [critic], "lr": 0.05}])
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=300)

    for _ in range(300):
        drawn = torch.multinomial(sequence_logprobs(logits).detach().exp(), 512, replacement=True)
        states, mask = STATES[drawn], MASK[drawn]
        old, old_values = token_logprobs(logits)[drawn].detach(), critic.detach()[states]
        shaped = kl_shaped_rewards(rewards[drawn], old, token_logprobs(reference)[drawn], mask, beta=BETA)
        advantages, returns = gae(shaped, old_values, mask, gamma=1.0, lam=0.95)
        advantages = whiten(advantages, mask)
        for _ in range(2):
            policy_loss, count, _ = clipped_policy_loss(token_logprobs(logits)[drawn], old, advantages, mask, clip=0.2)
            value_loss, _, _ = clipped_value_loss(critic[states], old_values, returns, mask, clip=0.5)
            optimizer.zero_grad()
            ((policy_loss + value_loss) / count).backward()
            optimizer.step()
        schedule.step()

    assert_reaches(logits.detach(), optimum, atol=0.03)
