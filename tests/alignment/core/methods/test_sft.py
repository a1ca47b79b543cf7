from __future__ import annotations

import pytest
import torch

from alignment.core.config import SFTConfig, TrainerConfig
from alignment.core.methods.sft import SupervisedFineTuning
from alignment.core.records import Demonstration, Message
from alignment.core.trainer import train

PROMPT = (Message("user", "tell me why"),)
LONG, SHORT = Demonstration(PROMPT, "the quick brown fox jumps"), Demonstration(PROMPT, "why")


def first_loss(backbone, demonstrations, **settings):
    method = SupervisedFineTuning(backbone, SFTConfig(**settings))
    return train(method, demonstrations, TrainerConfig(steps=1, batch_size=4, lr=1e-9)).metrics["loss"]


def nll(backbone, demonstration):
    """Of each completion token, by the whole model's own logits."""
    (encoded,) = backbone.template.encode(demonstration.prompt, [demonstration.completion])
    ids = torch.tensor([[*encoded.prompt_ids, *encoded.completion_ids]])
    with backbone.inference(None):
        logprobs = backbone._adapters.model()(input_ids=ids).logits[0].log_softmax(-1)
    start = len(encoded.prompt_ids)
    return [-float(logprobs[start + j - 1, token]) for j, token in enumerate(encoded.completion_ids)]


def test_the_loss_is_on_the_completion_and_its_end_only(tiny_backbone):
    tokens = nll(tiny_backbone, LONG)

    assert first_loss(tiny_backbone, [LONG]) == pytest.approx(sum(tokens) / len(tokens), rel=1e-4)


def test_the_mean_is_over_tokens_or_over_completions(tiny_backbone):
    long, short = nll(tiny_backbone, LONG), nll(tiny_backbone, SHORT)

    by_token = first_loss(tiny_backbone, [LONG, SHORT])
    by_completion = first_loss(tiny_backbone, [LONG, SHORT], average="completion")

    assert by_token == pytest.approx((sum(long) + sum(short)) / (len(long) + len(short)), rel=1e-4)
    assert by_completion == pytest.approx((sum(long) / len(long) + sum(short) / len(short)) / 2, rel=1e-4)


def test_training_makes_the_demonstrations_likelier(tiny_backbone):
    method = SupervisedFineTuning(tiny_backbone, SFTConfig())

    history = train(method, [LONG, SHORT], TrainerConfig(steps=15, batch_size=2, lr=5e-3)).history

    assert history[-1]["loss"] < history[0]["loss"] - 1.0


def test_the_same_seed_gives_the_same_losses(load_backbone):
    def losses(seed):
        method = SupervisedFineTuning(load_backbone("llama"), SFTConfig(), seed=seed)
        config = TrainerConfig(steps=4, batch_size=1, lr=5e-3, seed=seed)
        return [metrics["loss"] for metrics in train(method, [LONG, SHORT], config).history]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)
