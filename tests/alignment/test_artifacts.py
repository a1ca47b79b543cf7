"""Reward models on the disk, and what is refused there."""

from __future__ import annotations

import pytest
import torch

from alignment.artifacts import ABOUT, HEAD, folder_digest, load_reward_model, save_reward_model
from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.config import RewardModelConfig, TrainerConfig
from alignment.core.loading import ModelError
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement, Message
from alignment.core.trainer import train

PROMPT = (Message("user", "say one"),)
COMPLETIONS = [(PROMPT, text) for text in ("a fox", "", "the lazy dog")]


def load(toy_model):
    return Backbone.load(toy_model, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))


@pytest.fixture
def trained(toy_model):
    """Two heads, a learned tie share, moved cuts, normalised."""
    config = RewardModelConfig(members=2, learn_tie_share=True, rating_weight=1.0)
    model = RewardModel(load(toy_model), config)
    judgement = Judgement(prompt=PROMPT, completions=("a", "b", "c"), ranks=(1, 2, 2), ratings=(7, 3, None))
    train(model, [judgement], TrainerConfig(steps=2, lr=1e-2))
    model.normalise(COMPLETIONS)
    return model


def test_a_reward_model_read_back_gives_the_same_rewards_bit_for_bit_and_can_be_trained_on(
    trained, toy_model, tmp_path
):
    digest = save_reward_model(trained, tmp_path / "model")

    again = load_reward_model(load(toy_model), tmp_path / "model")

    assert torch.equal(again.rewards(COMPLETIONS), trained.rewards(COMPLETIONS))
    assert torch.equal(again.disagreement(COMPLETIONS), trained.disagreement(COMPLETIONS))
    assert torch.equal(again.rating_cuts(), trained.rating_cuts())
    assert again.tie_share() == trained.tie_share()
    assert again.config == trained.config
    assert all(p.requires_grad for group in again.parameter_groups() for p in group.parameters)
    assert digest == folder_digest(tmp_path / "model")
    fresh = RewardModel(load(toy_model), trained.config)
    assert not torch.equal(fresh.rewards(COMPLETIONS), trained.rewards(COMPLETIONS))


@pytest.mark.parametrize("name", [HEAD, ABOUT])
def test_a_reward_model_cut_short_is_refused_by_its_folder(trained, toy_model, tmp_path, name):
    save_reward_model(trained, tmp_path / "model")
    file = tmp_path / "model" / name
    file.write_bytes(file.read_bytes()[:-5])

    with pytest.raises(ModelError, match=r"model is no reward model .*: train it again"):
        load_reward_model(load(toy_model), tmp_path / "model")
