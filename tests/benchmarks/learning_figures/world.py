"""A language model whose annotators are simulated: what they truly want of a completion is known exactly."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alignment.artifacts import base_model
from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.batches import Encoded
from alignment.core.config import RewardModelConfig, TrainerConfig
from alignment.core.methods.forward import logprobs_by_token
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement, Prompt
from alignment.core.rollout import LocalSampler, Sampled
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.trainer import train
from alignment.datasets import to_prompt
from alignment.plans import SMALL
from labeling.demo import read_corpus
from labeling.simulation.annotators import QUALITIES, Habits, decide
from labeling.simulation.truth import reward

MAX_NEW_TOKENS = 48
PASSES, MOST_EXAMPLES = 8, 1200
"""Passes over few judgements, and examples, each pass counted, that are enough: as a run of the loop has it."""


@dataclass(frozen=True)
class Group:
    """The completions of one prompt."""

    prompt: Prompt
    completions: tuple[Sampled, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """What they say."""
        return tuple(each.text for each in self.completions)


@dataclass(frozen=True)
class Measured:
    """What a policy writes for unseen prompts: mean true reward with its standard error over prompts, KL in nats."""

    true_reward: float
    standard_error: float
    kl: float
    proxy: float | None = None


@dataclass(frozen=True)
class World:
    """The base model, which is the SFT policy and the reference, prompts to learn from and prompts nobody judged."""

    folder: str
    prompts: list[Prompt]
    unseen: list[Prompt]

    @classmethod
    def make(cls, *, rankings: int, unseen: int) -> World:
        """The model of MODEL, or the default one, and the corpus in an order of its own."""
        rows = [each.messages for each in read_corpus()]
        random.Random("learning").shuffle(rows)
        if rankings + unseen > len(rows):
            raise ValueError(f"the corpus has {len(rows)} prompts: {rankings} and {unseen} unseen ones are too many")
        prompts = [to_prompt((each["role"], each["content"]) for each in messages) for messages in rows]
        return cls(folder=base_model(), prompts=prompts[:rankings], unseen=prompts[rankings : rankings + unseen])

    def backbone(self) -> Backbone:
        """A fresh one."""
        return Backbone.load(self.folder, lora=LoraConfig(**SMALL.lora.keywords()), device="cpu")

    def write(
        self, backbone: Backbone, prompts: Sequence[Prompt], *, adapter: str | None, completions: int, seed: int
    ) -> list[Group]:
        """Completions of each prompt."""
        settings = SamplingSettings(num_completions=completions, max_new_tokens=MAX_NEW_TOKENS)
        generator = torch.Generator().manual_seed(seed)
        written = LocalSampler(backbone, adapter).sample(prompts, settings=settings, generator=generator)
        return [Group(prompt, tuple(each)) for prompt, each in zip(prompts, written, strict=True)]


def messages_of(prompt: Prompt) -> list[dict[str, str]]:
    """As the simulation takes them."""
    return [{"role": message.role, "content": message.content} for message in prompt]


@cache
def truth(prompt: Prompt, text: str) -> float:
    """The true reward, nats."""
    return reward(messages_of(prompt), text)


def judge(groups: Sequence[Group], *, seed: int, habits: Habits = QUALITIES["average"]) -> list[Judgement]:
    """One ranking of each group by an annotator who sees the truth unclearly."""
    chance = random.Random(f"{seed} annotator")
    return [
        Judgement(
            prompt=group.prompt,
            completions=group.texts,
            ranks=decide(messages_of(group.prompt), group.texts, habits=habits, chance=chance).ranks,
        )
        for group in groups
    ]


def trainer(number: int, *, seed: int, **settings: Any) -> TrainerConfig:
    """As many passes as a run of the loop makes over so many judgements."""
    epochs = max(1.0, min(PASSES, MOST_EXAMPLES / max(number, 1)))
    return TrainerConfig(**{"epochs": epochs, "batch_size": 8, "lr": 3e-4, "warmup_steps": 2, "seed": seed, **settings})


def fit_reward_model(
    backbone: Backbone, judgements: Sequence[Judgement], *, seed: int, groups: Sequence[Group] = (), **settings: Any
) -> RewardModel:
    """A reward model, its mean on ``groups`` (samples of the base) at 0 when there are any."""
    model = RewardModel(backbone, RewardModelConfig(**settings), seed=seed)
    train(model, judgements, trainer(len(judgements), seed=seed))
    if groups:
        model.normalise([(group.prompt, text) for group in groups[:64] for text in group.texts[:2]])
    return model


def measure(
    backbone: Backbone, groups: Sequence[Group], *, adapter: str | None, model: RewardModel | None = None
) -> Measured:
    """The true reward of what a policy wrote, how far it went from the base, and what the reward model says to it."""
    encoded = [each.encoded() for group in groups for each in group.completions]
    by_prompt = np.array([fmean(truth(group.prompt, text) for text in group.texts) for group in groups])
    return Measured(
        true_reward=float(by_prompt.mean()),
        standard_error=float(by_prompt.std(ddof=1) / np.sqrt(len(by_prompt))) if len(by_prompt) > 1 else 0.0,
        kl=0.0 if adapter is None else float(log_ratios(backbone, encoded, adapter=adapter).mean()),
        proxy=float(model.score(encoded).mean()) if model is not None else None,
    )


def log_ratios(backbone: Backbone, encoded: Sequence[Encoded], *, adapter: str) -> NDArray[np.float64]:
    """log pi(y|x) - log pi_ref(y|x) of samples of the policy, nats; their mean is its KL from the base."""
    policy = logprobs_by_token(backbone, encoded, adapter=adapter)
    reference = logprobs_by_token(backbone, encoded, adapter=None)
    return np.array([float((p - r).sum()) for p, r in zip(policy, reference, strict=True)])
