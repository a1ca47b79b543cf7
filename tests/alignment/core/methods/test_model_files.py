from __future__ import annotations

import pytest
import torch

from alignment.core.config import PreferenceModelConfig, RewardModelConfig, TrainerConfig
from alignment.core.methods.model_files import load_model, save_model
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.core.model.loading import ModelError
from alignment.core.records import Judgement, Message
from alignment.core.trainer import train

PROMPT = (Message("user", "say one"),)
COMPLETIONS = [(PROMPT, text) for text in ("a fox", "", "the lazy dog")]
PAIRS = [(PROMPT, "a fox", "why"), (PROMPT, "", "the lazy dog")]
JUDGED = [Judgement(prompt=PROMPT, completions=("a", "b", "c"), ranks=(1, 2, 2), ratings=(7, 3, None))]


@pytest.fixture
def reward_model(tiny_backbone):
    """Two heads, a learned tie share, moved cuts, normalised."""
    config = RewardModelConfig(members=2, learn_tie_share=True, rating_weight=1.0)
    model = RewardModel(tiny_backbone, config)
    train(model, JUDGED, TrainerConfig(steps=2, lr=1e-2))
    model.normalise(COMPLETIONS)
    return model


def test_a_reward_model_read_back_gives_the_same_rewards_bit_for_bit_and_can_be_trained_on(
    reward_model, load_backbone, tmp_path
):
    save_model(reward_model, tmp_path / "model")

    again = load_model(RewardModel, load_backbone("gpt2"), tmp_path / "model")

    assert torch.equal(again.rewards(COMPLETIONS), reward_model.rewards(COMPLETIONS))
    assert torch.equal(again.disagreement(COMPLETIONS), reward_model.disagreement(COMPLETIONS))
    assert torch.equal(again.rating_cuts(), reward_model.rating_cuts())
    assert again.tie_share() == reward_model.tie_share()
    assert again.config == reward_model.config
    assert all(p.requires_grad for group in again.parameter_groups() for p in group.parameters)
    fresh = RewardModel(load_backbone("gpt2"), reward_model.config)
    assert not torch.equal(fresh.rewards(COMPLETIONS), reward_model.rewards(COMPLETIONS))
    assert not torch.equal(fresh.rating_cuts(), reward_model.rating_cuts())


def test_a_preference_model_read_back_prefers_the_same_under_another_name_of_its_adapter(load_backbone, tmp_path):
    model = PreferenceModel(load_backbone("gpt2"), PreferenceModelConfig(rank=2, learn_tie_share=True))
    train(model, JUDGED, TrainerConfig(steps=2, lr=1e-2))
    save_model(model, tmp_path / "model")

    again = load_model(PreferenceModel, load_backbone("gpt2"), tmp_path / "model", adapter="preference/7")

    assert torch.equal(again.probabilities(PAIRS), model.probabilities(PAIRS))
    assert again.tie_share() == model.tie_share()
    assert again.backbone.adapters == ("preference/7",)


@pytest.mark.parametrize("name", ["reward_head.safetensors", "reward_model.json"])
def test_a_reward_model_cut_short_is_refused_by_its_folder_and_leaves_no_adapter(
    reward_model, load_backbone, tmp_path, name
):
    save_model(reward_model, tmp_path / "model")
    file = tmp_path / "model" / name
    file.write_bytes(file.read_bytes()[:-5])
    backbone = load_backbone("gpt2")

    with pytest.raises(ModelError, match=r"model is no reward model .*: train it again"):
        load_model(RewardModel, backbone, tmp_path / "model")

    assert backbone.adapters == ()


def test_a_model_of_another_kind_or_base_is_refused(reward_model, load_backbone, tmp_path):
    save_model(reward_model, tmp_path / "model")

    with pytest.raises(ModelError, match="model is no preference model"):
        load_model(PreferenceModel, load_backbone("gpt2"), tmp_path / "model")
    with pytest.raises(ModelError, match="was trained on base"):
        load_model(RewardModel, load_backbone("llama"), tmp_path / "model")
