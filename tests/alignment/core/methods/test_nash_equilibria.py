"""Nash-MD in games whose equilibria are known: where its gradient is zero, and where its training ends."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from alignment.core.config import NashMDConfig, ReinforceConfig, TrainerConfig
from alignment.core.likelihoods import bradley_terry
from alignment.core.methods.nash import NashMD
from alignment.core.methods.reinforce import Reinforce
from alignment.core.trainer import train
from tests.enumerable import (
    PROMPT,
    PROMPT_ID,
    TableBackbone,
    TableSampler,
    of_completions,
    preference_of_table,
    reward_of,
)
from tests.games import (
    MARGINS,
    STRONG,
    answer_to_its_own_mixture,
    by_first_letter,
    cycle,
    regularised_equilibrium,
    tabular_nash_md,
    wins_of_all,
)

BASE = torch.tensor([[0.5, -0.2, 0.1], [0.0, 0.3, -0.4], [0.2, 0.2, 0.0], [-0.3, 0.4, 0.1]])


def table_with(first_letters):
    """A backbone whose reference is uniform and whose policy has these probabilities of the first letter."""
    backbone = TableBackbone(torch.zeros(4, 3))
    backbone.add_adapter("policy")
    backbone.tables["policy"].data[PROMPT_ID] = torch.tensor(first_letters).log()
    return backbone


def nash(backbone, wins, *, sampler=None, opponent=None, **settings):
    config = NashMDConfig(**{"missing_eos_penalty": 0.0, "mixture": 0.0} | settings)
    return NashMD(backbone, config, preference=preference_of_table(wins), sampler=sampler, opponent=opponent)


class Many:
    """As many completions of the opponent that their mean is nearly its expectation."""

    def __init__(self, sampler):
        self.sampler = sampler

    def sample(self, prompts, *, settings, generator):
        return self.sampler.sample(prompts, settings=replace(settings, num_completions=4000), generator=generator)


def expected_gradient(backbone, wins, **settings):
    """Of the loss by the policy's logits, summed over the nine completions with their probabilities."""
    opponent = Many(TableSampler(backbone, evenly=True, mixture=settings.get("mixture", 0.0)))
    method = nash(backbone, wins, sampler=TableSampler(backbone, each_once=True), opponent=opponent, **settings)
    (update,) = method.updates([PROMPT], generator=torch.Generator().manual_seed(0))
    weights = backbone.completion_logprobs("policy").detach().exp()
    losses = [next(iter(method.losses([unit]))).totals["loss"] for unit in update.units]
    (found,) = torch.autograd.grad(weights @ torch.stack(losses), backbone.tables["policy"])
    return found


def descent(*, steps, rate=1.0):
    """AdamW as plain gradient descent, which turns less in circles: an epsilon far above the gradients."""
    return TrainerConfig(steps=steps, batch_size=1, lr=1.0, adam_epsilon=1 / rate)


def self_play(backbone, wins, *, steps, rate=1.0, mixture=0.0, **settings):
    """The policy's probabilities after training against itself, or against its mixture with the reference."""
    sampler, opponent = TableSampler(backbone, evenly=True), TableSampler(backbone, evenly=True, mixture=mixture)
    method = nash(backbone, wins, sampler=sampler, opponent=opponent, completions_per_prompt=32, **settings)
    train(method, [PROMPT], descent(steps=steps, rate=rate))
    return backbone.completion_logprobs("policy").detach().exp()


def test_tabular_nash_md_finds_the_regularised_equilibrium_of_rock_paper_scissors_and_there_the_gradient_is_zero():
    reference, tau = np.array([0.6, 0.3, 0.1]), 0.1
    found = tabular_nash_md(cycle(STRONG), reference, tau=tau, steps=20_000)
    equilibrium = regularised_equilibrium(cycle(STRONG), reference, tau=tau)
    assert np.abs(found - equilibrium).max() < 5e-5
    assert np.abs(equilibrium - reference).max() > 0.1
    backbone = table_with([1 / 3] * 3)
    backbone.base[PROMPT_ID] = torch.tensor(reference).log()
    wins = by_first_letter(cycle(STRONG))

    def gradient(policy):
        backbone.tables["policy"].data[PROMPT_ID] = torch.tensor(policy / reference).log()
        return expected_gradient(backbone, wins, beta=tau).abs().max()

    assert gradient(found) < 1e-4
    assert gradient(reference) > 0.02
    assert gradient(np.full(3, 1 / 3)) > 0.02


@pytest.mark.parametrize(
    ("beta", "equilibrium"),
    [
        (0.0, (0.5385, 0.1538, 0.3077)),  # (b, c, a) / (a + b + c)
        (0.02, (0.5520, 0.1756, 0.2724)),
        (0.1, (0.5001, 0.2809, 0.2190)),
    ],
)
def test_the_gradient_is_zero_at_the_equilibria_of_a_cycle_and_nowhere_near(beta, equilibrium):
    wins = by_first_letter(cycle(MARGINS))

    there = expected_gradient(table_with(equilibrium), wins, beta=beta)
    beside = expected_gradient(table_with(equilibrium[1:] + equilibrium[:1]), wins, beta=beta)

    assert there.abs().max() < 1e-4
    assert beside.abs().max() > 0.02


@pytest.mark.slow
def test_it_reaches_the_equilibrium_of_a_cycle_where_no_completion_is_best():
    backbone = TableBackbone(torch.zeros(4, 3))

    found = self_play(backbone, by_first_letter(cycle(MARGINS)), beta=0.1, steps=300)

    by_letter = found.reshape(3, 3).sum(1).tolist()
    assert by_letter == pytest.approx([0.5001, 0.2809, 0.2190], abs=0.01)


@pytest.mark.slow
def test_it_reaches_the_regularised_equilibrium_of_rock_paper_scissors():
    """Certain wins, so self-play alone would go round for ever; the KL to (0.6, 0.3, 0.1) ends it."""
    base, reference = torch.zeros(4, 3), [0.6, 0.3, 0.1]
    base[PROMPT_ID] = torch.tensor(reference).log()

    found = self_play(TableBackbone(base), by_first_letter(cycle(STRONG)), beta=0.2, steps=400)

    by_letter = found.reshape(3, 3).sum(1).tolist()
    expected = regularised_equilibrium(cycle(STRONG), np.array(reference), tau=0.2)
    assert expected.tolist() == pytest.approx([0.3205, 0.4971, 0.1824], abs=1e-4)
    assert by_letter == pytest.approx(expected.tolist(), abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("beta", "by_preference", "by_reward"), [(1.0, 0.5498, 0.7000), (0.1, 0.8808, 0.99979)])
def test_two_kinds_of_completion_are_not_driven_apart_as_a_reward_drives_them(beta, by_preference, by_reward):
    """One is preferred with 0.7: pi = sigmoid(0.2 / beta) at the equilibrium, sigmoid(logit(0.7) / beta) by reward."""
    base = torch.zeros(4, 3)
    base[PROMPT_ID, 0] = math.log(2)  # one half begins with a
    wins = np.array([[0.5, 0.7, 0.7], [0.3, 0.5, 0.5], [0.3, 0.5, 0.5]])
    rewards = torch.tensor([math.log(0.7 / 0.3)] * 3 + [0.0] * 6)

    found = self_play(TableBackbone(base), by_first_letter(wins), beta=beta, steps=200, rate=4.0)
    backbone = TableBackbone(base)
    config = ReinforceConfig(baseline="dr_grpo", beta=beta, missing_eos_penalty=0.0, completions_per_prompt=32)
    method = Reinforce(backbone, config, reward=reward_of(rewards), sampler=TableSampler(backbone, evenly=True))
    train(method, [PROMPT], descent(steps=200, rate=4.0))
    rewarded = backbone.completion_logprobs("policy").detach().exp()

    assert found[:3].sum().item() == pytest.approx(by_preference, abs=0.005)
    assert rewarded[:3].sum().item() == pytest.approx(by_reward, abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize(("mixture", "another"), [(0.0, 0.5), (0.5, 0.0)])
def test_on_any_preferences_it_reaches_the_policy_that_answers_its_own_opponent(mixture, another):
    wins, beta = torch.tensor(wins_of_all(3)), 0.1

    found = self_play(TableBackbone(BASE), wins, beta=beta, mixture=mixture, steps=300, rate=4.0)

    expected = answer_to_its_own_mixture(wins, BASE, beta=beta, mixture=mixture)
    other = answer_to_its_own_mixture(wins, BASE, beta=beta, mixture=another)
    assert float((found - expected).abs().sum() / 2) < 0.01
    assert float((found - other).abs().sum() / 2) > 0.05


@pytest.mark.parametrize("transitive", [True, False])
def test_dpo_rests_where_nash_md_would_only_if_preferences_come_from_a_reward(transitive):
    """Population DPO over all pairs, at pi_ref e^{r / beta} / Z, or at the equilibrium of preferences without an r."""
    beta, base = 0.3, of_completions(BASE.double().log_softmax(-1))
    rewards = torch.tensor([1.0, 0.0, -1.0, 0.5, 2.0, 0.0, -0.5, 0.3, 1.5]).double()
    if transitive:
        wins = torch.sigmoid(rewards[:, None] - rewards[None])
        policy = (base + rewards / beta).log_softmax(0).requires_grad_()
    else:
        wins = torch.tensor(wins_of_all(3))
        policy = answer_to_its_own_mixture(wins, BASE, beta=beta, mixture=0.0).log().requires_grad_()

    log_ratio = policy - base
    each = wins.flatten() * bradley_terry(beta * (log_ratio[:, None] - log_ratio[None]).flatten())
    (gradient,) = torch.autograd.grad(each.sum(), policy)

    assert (gradient.abs().max() < 1e-9) == transitive
    assert gradient.abs().max() > 0.05 or transitive
