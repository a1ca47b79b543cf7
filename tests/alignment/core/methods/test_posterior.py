from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from alignment.core.config import RewardModelConfig, TrainerConfig
from alignment.core.methods.model_files import load_model, save_model
from alignment.core.methods.posterior import fit_heads
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement, Message
from alignment.core.trainer import NonFiniteLoss, train

PROMPTS = [(Message("user", f"say {word}"),) for word in ("one", "two", "a small boat", "why not")]
WORDS = ["fox", "dog", "boat", "red", "lazy", "quick", "name", "why", "tell"]


def judgements(count, *, seed=0, weight=1.0):
    """By somebody who likes the word `good` and is wrong one time in ten."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        texts = [" ".join(chance.choices(WORDS, k=3)) for _ in range(2)]
        liked = chance.randrange(2)
        texts[liked] += " good"
        wrong = chance.random() < 0.1
        ranks = (1, 2) if (liked == 0) != wrong else (2, 1)
        made.append(Judgement(prompt=PROMPTS[number % 4], completions=tuple(texts), ranks=ranks, weight=weight))
    return made


def fitted(backbone, data, *, seed=0, adapter="reward", **settings):
    model = RewardModel(
        backbone, RewardModelConfig(**{"ties": "drop", "features": "frozen"} | settings), adapter=adapter
    )
    result = fit_heads(model, data, seed=seed)
    return model, result


def differences(model, data):
    """Of the features of the two completions, the first's first, in units of the features' deviations, and who won."""
    encoded = [each for unit in model.examples(data) for each in unit.encoded]
    features = model.features(encoded).double().numpy()
    features = features / features.std(0)
    won = np.array([judgement.ranks == (1, 2) for judgement in data])
    return features[::2] - features[1::2], won


def test_the_weights_are_those_of_a_logistic_regression_with_a_normal_prior(tiny_backbone):
    data = judgements(60)

    model, _ = fitted(tiny_backbone, data, prior_deviation=2.0)

    gaps, won = differences(model, data)
    signed = np.where(won, 1, -1)
    precision = gaps.shape[1] / 4  # the rewards' variance of 4 is shared out among the features

    def penalised(weights):
        leads = signed * (gaps @ weights)
        slope = -(signed * expit(-leads)) @ gaps + precision * weights
        return -log_expit(leads).sum() + precision / 2 * weights @ weights, slope

    best = minimize(penalised, np.zeros(gaps.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-8}).x
    encoded = [each for unit in model.examples(data) for each in unit.encoded]
    rewards = model.score(encoded).double().numpy()
    assert rewards[::2] - rewards[1::2] == pytest.approx(gaps @ best, abs=2e-3)


def test_heads_are_drawn_as_widely_as_the_judgements_leave_open(tiny_backbone):
    data = judgements(60)

    model, _ = fitted(tiny_backbone, data, members=64)

    gaps, won = differences(model, data)
    encoded = [each for unit in model.examples(data) for each in unit.encoded]
    drawn = model.member_rewards(encoded).double().numpy()
    drawn = drawn[::2] - drawn[1::2]  # (60, 64)
    surprise = won - expit(drawn.mean(1))
    information = (gaps * surprise[:, None]).T @ (gaps * surprise[:, None]) + gaps.shape[1] * np.eye(gaps.shape[1])
    expected = np.sqrt(np.einsum("nd,de,ne->n", gaps, np.linalg.inv(information), gaps))
    assert np.mean(drawn.std(1) / expected) == pytest.approx(1.0, abs=0.1)  # 32 pairs of draws: 12 % off each


def test_the_mean_of_the_heads_is_the_best_guess_however_many_there_are(tiny_backbone):
    data = judgements(40)
    encoded = [each for unit in fitted(tiny_backbone, data)[0].examples(data) for each in unit.encoded]

    scores = [fitted(tiny_backbone, data, members=members)[0].score(encoded) for members in (1, 2, 5, 16)]

    for score in scores[1:]:
        assert torch.allclose(score, scores[0], atol=1e-4)


def test_what_was_judged_more_often_is_known_better(tiny_backbone):
    data = judgements(40)
    encoded = [each for unit in fitted(tiny_backbone, data)[0].examples(data) for each in unit.encoded]

    spreads = [
        fitted(tiny_backbone, judgements(40, weight=weight), members=64)[0].member_rewards(encoded).std(1).mean()
        for weight in (0.1, 1.0, 10.0)
    ]

    assert spreads[0] > spreads[1] > spreads[2]


def test_a_judgement_of_weight_3_says_as_much_as_3_that_agree(tiny_backbone):
    data = judgements(30)
    encoded = [each for unit in fitted(tiny_backbone, data)[0].examples(data) for each in unit.encoded]

    heavy, _ = fitted(tiny_backbone, judgements(30, weight=3.0), members=8)
    often, _ = fitted(tiny_backbone, data * 3, members=8)

    assert torch.allclose(heavy.member_rewards(encoded), often.member_rewards(encoded), atol=1e-3)


def test_few_judgements_teach_what_is_wanted(tiny_backbone):
    model, result = fitted(tiny_backbone, judgements(80))

    unseen = judgements(200, seed=1)
    liked = [("good" in each.completions[0]) for each in unseen]
    rewards = model.rewards([(each.prompt, text) for each in unseen for text in each.completions])
    right = [
        (first > second) == is_first for first, second, is_first in zip(rewards[::2], rewards[1::2], liked, strict=True)
    ]
    assert np.mean(right) > 0.9
    assert result.history[0]["loss"] == pytest.approx(np.log(2), abs=1e-6)
    assert result.metrics["loss"] < 0.6
    assert result.steps == len(result.history)


def test_all_kinds_of_judgements_are_learned_from(tiny_backbone):
    data = [
        Judgement(prompt=PROMPTS[0], completions=("fox good", "dog", "red"), ranks=(1, 2, 2)),
        Judgement(prompt=PROMPTS[1], completions=("boat", "name good"), best=1),
        Judgement(prompt=PROMPTS[2], completions=("lazy good", "tell"), ratings=(7, 2)),
    ] * 5

    model, result = fitted(tiny_backbone, data, ties="davidson", rating_weight=1.0)

    rewards = model.rewards([(PROMPTS[3], "quick good"), (PROMPTS[3], "quick")])
    assert rewards[0] > rewards[1]
    assert result.metrics["loss"] < result.history[0]["loss"]
    assert bool((model.rating_cuts().diff() > 0).all())


def test_the_same_data_and_seed_give_the_same_heads_and_another_seed_gives_others(tiny_backbone):
    data = judgements(20)

    first, again, other = (fitted(tiny_backbone, data, seed=seed, members=4)[0] for seed in (3, 3, 4))

    weights = [torch.stack([head.linear.weight for head in model.head.members]) for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.allclose(weights[0], weights[2])


def test_a_fitted_model_is_stored_and_read_bit_for_bit(tiny_backbone, load_backbone, tmp_path):
    data = judgements(20)
    model, _ = fitted(tiny_backbone, data, members=4)
    encoded = [each for unit in model.examples(data) for each in unit.encoded]

    save_model(model, tmp_path / "rewards")
    loaded = load_model(RewardModel, load_backbone("gpt2"), tmp_path / "rewards")

    assert torch.equal(loaded.member_rewards(encoded), model.member_rewards(encoded))


def test_the_base_and_its_adapters_stay_as_they_are(tiny_backbone):
    model = RewardModel(tiny_backbone, RewardModelConfig(features="frozen", members=4))
    before = {name: tensor.clone() for name, tensor in tiny_backbone._adapters.model().state_dict().items()}

    fit_heads(model, judgements(20), seed=0)

    after = tiny_backbone._adapters.model().state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_frozen_features_are_not_trained_and_trained_ones_are_not_fitted(tiny_backbone):
    frozen = RewardModel(tiny_backbone, RewardModelConfig(features="frozen"))
    trained = RewardModel(tiny_backbone, RewardModelConfig())

    with pytest.raises(ValueError, match="fit it with fit_heads"):
        train(frozen, judgements(4), TrainerConfig(steps=1))
    with pytest.raises(ValueError, match='features = "frozen"'):
        fit_heads(trained, judgements(4), seed=0)


def test_judgements_that_say_nothing_are_refused(tiny_backbone):
    with pytest.raises(ValueError, match="none of 1 judgements says anything"):
        fitted(tiny_backbone, [Judgement(prompt=PROMPTS[0], completions=("a", "b"), ranks=(1, 1))])


def test_a_base_whose_states_are_no_numbers_is_named(tiny_backbone):
    with torch.no_grad():
        next(iter(tiny_backbone._adapters.model().state_dict().values())).fill_(torch.nan)

    with pytest.raises(NonFiniteLoss, match="no finite numbers"):
        fitted(tiny_backbone, judgements(8))
