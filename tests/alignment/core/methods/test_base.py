"""A method that is given what it does not learn from says so, whichever it is."""

from __future__ import annotations

import pytest
import torch

from alignment.core.config import (
    DirectConfig,
    PPOConfig,
    PreferenceModelConfig,
    ReinforceConfig,
    RewardModelConfig,
    SFTConfig,
    TrainerConfig,
)
from alignment.core.methods.direct import Direct
from alignment.core.methods.ppo import PPO
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reinforce import Reinforce
from alignment.core.methods.reward_model import RewardModel
from alignment.core.methods.sft import SupervisedFineTuning
from alignment.core.records import Demonstration, Judgement, Message
from alignment.core.trainer import train

PROMPT = (Message("user", "tell me why"),)
JUDGEMENT = Judgement(PROMPT, ("because", "why not"), ranks=(1, 2))
DEMONSTRATION = Demonstration(PROMPT, "because")


def nothing(encoded):
    return torch.zeros(len(encoded))


@pytest.mark.parametrize(
    ("make", "data", "said"),
    [
        (lambda b: SupervisedFineTuning(b, SFTConfig()), [DEMONSTRATION, JUDGEMENT], "Demonstration records .* 1 is a"),
        (lambda b: RewardModel(b, RewardModelConfig()), [DEMONSTRATION], "Judgement records .* 0 is a Demonstration"),
        (lambda b: PreferenceModel(b, PreferenceModelConfig()), [PROMPT], "Judgement records .* 0 is a tuple"),
        (lambda b: Direct(b, DirectConfig()), [JUDGEMENT, "because"], "Judgement records .* 1 is a str: 'because'"),
        (lambda b: PPO(b, PPOConfig(), reward=nothing), ["tell me why"], "prompts, each a tuple .* 0 is a str"),
        (lambda b: Reinforce(b, ReinforceConfig(), reward=nothing), [("user", "why")], "prompts, .* 0 is a tuple"),
        (
            lambda b: PPO(b, PPOConfig(ptx_weight=0.1), reward=nothing, demonstrations=[JUDGEMENT]),  # type: ignore[list-item]  # refused
            [PROMPT],
            "Demonstration records .* 0 is a Judgement",
        ),
    ],
)
def test_records_of_another_kind_are_an_error_that_says_what_is_wanted(tiny_backbone, make, data, said):
    with pytest.raises(TypeError, match=f"learns from {said}"):
        train(make(tiny_backbone), data, TrainerConfig(steps=1))
