from __future__ import annotations

import itertools
import math

import pytest
import torch

from alignment.core.config import InvalidSetting, NashMDConfig, PreferenceModelConfig, TrainerConfig
from alignment.core.likelihoods import ipo
from alignment.core.methods.nash import NashMD, preference_of
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.records import Message
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.text import Encoded, collate
from alignment.core.trainer import train
from tests.enumerable import PROMPT, TableBackbone, TableSampler, of_completions, preference_of_table
from tests.games import wins_of_all
from tests.tiny_models import randomise

PROMPTS = [(Message("user", f"say {word}"),) for word in ("one", "two", "a boat", "why not")]
BASE = torch.tensor([[0.5, -0.2, 0.1], [0.0, 0.3, -0.4], [0.2, 0.2, 0.0], [-0.3, 0.4, 0.1]])


def gradient_of_self_play(backbone, wins, *, beta):
    """Policy and opponent are uniform over the nine completions, so each of them once is the exact expectation."""
    once = TableSampler(backbone, each_once=True)
    config = NashMDConfig(beta=beta, missing_eos_penalty=0.0)
    method = NashMD(backbone, config, preference=preference_of_table(wins), sampler=once, opponent=once)
    backbone.tables["policy"].data.copy_(-BASE)
    (update,) = method.updates([PROMPT], generator=torch.Generator())
    (loss,) = method.losses(update.units)
    (found,) = torch.autograd.grad(loss.totals["loss"] / update.counts["loss"], backbone.tables["policy"])
    return found


# --- the gradient


def test_the_gradient_is_that_of_the_preference_less_beta_times_the_kl():
    backbone, wins = TableBackbone(BASE), torch.tensor(wins_of_all(1)).float()

    found = gradient_of_self_play(backbone, wins, beta=0.7)

    table = (-BASE).clone().requires_grad_()
    logprobs = of_completions((BASE + table).log_softmax(-1))
    of_reference = of_completions(BASE.log_softmax(-1))
    objective = logprobs.exp() @ wins @ torch.full((9,), 1 / 9)
    objective = objective - 0.7 * (logprobs.exp() * (logprobs - of_reference)).sum()
    (expected,) = torch.autograd.grad(objective, table)
    torch.testing.assert_close(found, -expected, atol=1e-6, rtol=1e-5)


def test_online_ipo_has_the_gradient_of_self_play():
    """4 / beta times it (Calandriello et al., 2024, proposition 4.2), both orders of each pair labelled by P."""
    backbone, wins, beta = TableBackbone(BASE), torch.tensor(wins_of_all(2)).float(), 0.7

    of_self_play = gradient_of_self_play(backbone, wins, beta=beta)

    log_ratio = backbone.completion_logprobs("policy") - backbone.completion_logprobs(None)
    difference = (log_ratio[:, None] - log_ratio[None]).flatten()  # (81,)
    chosen = wins.flatten()
    each = chosen * ipo(difference, beta=beta) + (1 - chosen) * ipo(-difference, beta=beta)
    (of_ipo,) = torch.autograd.grad(each.mean(), backbone.tables["policy"])
    torch.testing.assert_close(of_ipo, 4 / beta * of_self_play, atol=1e-5, rtol=1e-4)
    assert of_ipo.abs().max() > 0.1


# --- the opponent


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_the_opponent_draws_from_the_mixture_of_the_policy_and_a_reference_without_adapters(load_backbone, weight):
    """Enumerated letter by letter; the reference comes from a model that never had an adapter."""
    backbone, untouched = load_backbone("gpt2"), load_backbone("gpt2")
    method = NashMD(backbone, NashMDConfig(mixture=weight), preference=preference_of(lambda encoded: torch.zeros(1)))
    randomise(backbone, "policy", std=0.3)
    settings = SamplingSettings(num_completions=40, max_new_tokens=2)

    (drawn,) = method.opponent.sample(PROMPTS[:1], settings=settings, generator=torch.Generator().manual_seed(0))

    prompt = tuple(backbone.template.encode_prompt(PROMPTS[0]))

    def next_token(model, adapter, before):
        with model.inference(adapter):
            (states,) = model.hidden(collate([Encoded(prompt, (*before, 0))]))
            return model.logits(states[-1]).double().log_softmax(-1)

    def mixture(before):
        of_policy, of_reference = next_token(backbone, "policy", before), next_token(untouched, None, before)
        return ((1 - weight) * of_policy + weight * of_reference).log_softmax(-1)

    first = mixture(())
    for one in drawn:
        enumerated = sum(mixture(one.ids[:place])[token].item() for place, token in enumerate(one.ids))
        assert one.logprob == pytest.approx(enumerated, abs=2e-4)
    settings = SamplingSettings(num_completions=2000, max_new_tokens=1)
    (drawn,) = method.opponent.sample(PROMPTS[:1], settings=settings, generator=torch.Generator().manual_seed(1))
    counts = torch.bincount(torch.tensor([one.ids[0] for one in drawn]), minlength=len(first)) / len(drawn)

    def distance(logprobs):
        return float((counts - logprobs.exp()).abs().sum() / 2)

    off = next_token(backbone, "policy", ()) if weight else next_token(untouched, None, ())
    assert distance(first) < 0.15  # the noise of 2000 draws
    assert distance(off) > distance(first) + 0.1  # a reference with the policy's adapter on would give this


def test_past_policies_write_in_turns(tiny_backbone):
    for number in (1, 2):
        tiny_backbone.add_adapter(f"past/{number}")
        randomise(tiny_backbone, f"past/{number}", seed=number, std=0.3)
    config = NashMDConfig(opponent="past", completions_per_prompt=3, max_new_tokens=5)
    method = NashMD(tiny_backbone, config, preference=preference_of(even_tokens))
    settings = SamplingSettings(num_completions=3, max_new_tokens=5)
    prompts = PROMPTS * 5

    written = method.opponent.sample(prompts, settings=settings, generator=torch.Generator().manual_seed(0))

    authors = []
    for completions in written:
        batch = collate([each.encoded() for each in completions])
        said = torch.tensor([each.logprob for each in completions])
        for name in ("past/1", "past/2"):
            with tiny_backbone.inference(name):
                if torch.allclose(tiny_backbone.logprobs(batch).sum(1), said, atol=1e-3):
                    authors.append(name)
    assert len(authors) == 20
    assert 4 <= authors.count("past/1") <= 16
    assert [len(completions) for completions in written] == [3] * 20
    own = [tuple(tiny_backbone.template.encode_prompt(prompt)) for prompt in prompts]
    assert [completions[0].prompt_ids for completions in written] == own


def test_past_policies_belong_to_the_settings_of_a_run_by_their_weights(tiny_backbone):
    tiny_backbone.add_adapter("past/1")
    config = NashMDConfig(opponent="past")
    method = NashMD(tiny_backbone, config, preference=preference_of(even_tokens), past=["past/1", None])

    before = method.settings()["past"]
    randomise(tiny_backbone, "past/1")
    after = method.settings()["past"]

    assert before["reference"] == after["reference"] == tiny_backbone.digest
    assert before["past/1"] != after["past/1"]


def test_past_policies_are_refused_when_there_are_none(tiny_backbone):
    with pytest.raises(ValueError, match="opponent is 'past' and there is no past policy; load one as an adapter"):
        NashMD(tiny_backbone, NashMDConfig(opponent="past"), preference=preference_of(even_tokens))


@pytest.mark.parametrize("weight", [-0.1, 1.5])
def test_a_mixture_outside_its_range_is_refused(weight):
    with pytest.raises(InvalidSetting, match=rf"NashMDConfig\.mixture is {weight}; it must be a number from 0 to 1"):
        NashMDConfig(mixture=weight)


# --- the preference


def even_tokens(encoded):
    return torch.tensor([float(sum(token % 2 == 0 for token in each.completion_ids)) for each in encoded])


def test_a_reward_gives_the_preference_of_bradley_and_terry():
    one, other, third = (Encoded((1,), ids) for ids in [(2, 4), (3,), (2, 5)])
    asked: list[int] = []

    def reward(encoded):
        asked.append(len(encoded))
        return even_tokens(encoded)

    found = preference_of(reward)([one, one, third], [other, third, third])

    assert found.tolist() == pytest.approx([1 / (1 + math.exp(-2)), 1 / (1 + math.exp(-1)), 0.5])
    assert asked == [3]  # each completion once


@pytest.mark.parametrize(
    ("preference", "message"),
    [
        (lambda first, second: torch.full((len(first),), 1.5), r"the preference gave 1\.5; a probability is from 0"),
        (lambda first, second: torch.full((len(first),), math.nan), "the preference gave nan"),
        (lambda first, second: torch.zeros(2), r"the preference gave \(2,\) for 9 pairs"),
    ],
)
def test_what_is_no_probability_of_each_pair_is_refused(tiny_backbone, preference, message):
    config = NashMDConfig(completions_per_prompt=3, max_new_tokens=2)
    method = NashMD(tiny_backbone, config, preference=preference)

    with pytest.raises(ValueError, match=message):
        next(iter(method.updates(PROMPTS[:1], generator=torch.Generator().manual_seed(0))))


def test_every_completion_is_compared_with_all_of_the_opponents_of_its_prompt(tiny_backbone):
    asked: list[tuple[Encoded, Encoded]] = []

    def preference(first, second):
        asked.extend(zip(first, second, strict=True))
        return torch.linspace(0, 1, len(first))

    config = NashMDConfig(completions_per_prompt=2, max_new_tokens=3, missing_eos_penalty=0.0)
    method = NashMD(tiny_backbone, config, preference=preference)

    (update,) = method.updates(PROMPTS, generator=torch.Generator().manual_seed(0))

    mine = [unit.encoded for unit in update.units]
    theirs = [[other for one, other in asked[4 * n : 4 * n + 2]] for n in range(4)]
    expected = [(mine[2 * n + k], other) for n, k in itertools.product(range(4), range(2)) for other in theirs[n]]
    assert asked == expected
    assert all(one.prompt_ids == other.prompt_ids for one, other in asked)
    # The policy is still the reference, so the advantage is the mean over both opponents less one half.
    means = torch.linspace(0, 1, 16).reshape(8, 2).mean(1) - 0.5
    assert [unit.advantages[0].item() for unit in update.units] == pytest.approx(means.tolist(), abs=1e-4)


def test_a_rollout_that_does_not_end_costs_the_penalty(tiny_backbone):
    def first_step(penalty):
        config = NashMDConfig(max_new_tokens=3, missing_eos_penalty=penalty)
        method = NashMD(tiny_backbone, config, preference=preference_of(even_tokens))
        return train(method, PROMPTS, TrainerConfig(steps=1, batch_size=4, lr=1e-9)).metrics

    free, dear = first_step(0.0), first_step(2.0)

    assert free["eos_rate"] < 1
    assert free["reward"] == pytest.approx(free["preference"] - 0.5, abs=1e-6)
    assert free["reward"] - dear["reward"] == pytest.approx(2.0 * (1 - free["eos_rate"]))
    assert free["preference"] == dear["preference"]


# --- on a transformer


def test_it_learns_from_a_preference_model_on_the_same_backbone_and_leaves_that_alone(tiny_backbone):
    model = PreferenceModel(tiny_backbone, PreferenceModelConfig())
    before = [parameter.detach().clone() for parameter in tiny_backbone.parameters("preference")]
    method = NashMD(tiny_backbone, NashMDConfig(max_new_tokens=6), preference=model.compare)

    history = train(method, PROMPTS, TrainerConfig(steps=3, batch_size=4, lr=1e-2)).history

    assert [metrics["ratio"] for metrics in history] == pytest.approx([1.0, 1.0, 1.0], abs=1e-6)
    assert history[0]["kl"] == pytest.approx(0.0, abs=1e-5)
    assert abs(history[2]["kl"]) > 1e-3  # it has moved
    after = tiny_backbone.parameters("preference")
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.slow
def test_a_planted_preference_is_won_against_the_reference(tiny_backbone):
    config = NashMDConfig(max_new_tokens=8, mixture=1.0, completions_per_prompt=8, missing_eos_penalty=0.0)
    method = NashMD(tiny_backbone, config, preference=preference_of(even_tokens))

    history = train(method, PROMPTS, TrainerConfig(steps=25, batch_size=4, lr=2e-2)).history

    assert history[0]["preference"] == pytest.approx(0.5, abs=0.15)
    assert history[-1]["preference"] > 0.75
    assert 0 < history[-1]["kl"] < 100


def test_micro_batches_change_no_step(load_backbone):
    def weights(tokens):
        backbone = load_backbone("llama")
        config = NashMDConfig(max_new_tokens=6, completions_per_prompt=2)
        method = NashMD(backbone, config, preference=preference_of(even_tokens))
        train(method, PROMPTS, TrainerConfig(steps=1, batch_size=4, lr=1e-3, micro_batch_tokens=tokens))
        return [parameter.detach().clone() for parameter in backbone.parameters("policy")]

    for whole, parts in zip(weights(10**6), weights(40), strict=True):
        torch.testing.assert_close(parts, whole, atol=2e-5, rtol=1e-3)
