"""What methods share that learn from a policy's own completions: it writes, and some are kept as demonstrations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

import torch

from alignment.core.methods.rollouts import Reward
from alignment.core.records import Demonstration, Prompt
from alignment.core.rollout import Sampled, Sampler
from alignment.core.sampling.draws import SamplingSettings


class Writing(Protocol):
    """The settings of sampling that all of these have in common."""

    @property
    def completions_per_prompt(self) -> int: ...
    @property
    def max_new_tokens(self) -> int: ...
    @property
    def temperature(self) -> float: ...


@dataclass(frozen=True)
class Collected:
    """Demonstrations that the policy wrote itself, marked so, and what the completions were like.

    Metrics: ``kept`` demonstrations, ``prompts`` that gave any, ``eos_rate`` of all completions, and the method's own.
    """

    demonstrations: list[Demonstration]
    metrics: dict[str, float]


def write(
    sampler: Sampler, prompts: Sequence[Prompt], config: Writing, generator: torch.Generator
) -> list[list[Sampled]]:
    """Completions of each prompt as the settings say."""
    settings = SamplingSettings(
        num_completions=config.completions_per_prompt,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
    )
    return sampler.sample(prompts, settings=settings, generator=generator) if prompts else []


def rewards_of(groups: Sequence[Sequence[Sampled]], reward: Reward) -> list[list[float]]:
    """The reward of each completion, in the groups in which they came.

    Raises:
        ValueError: the reward gave another number of rewards, or one that is NaN or infinite.
    """
    encoded = [each.encoded() for group in groups for each in group]
    scores = reward(encoded).float().cpu() if encoded else torch.zeros(0)
    if scores.shape != (len(encoded),):
        raise ValueError(f"the reward gave {tuple(scores.shape)} for {len(encoded)} completions")
    wrong = ~(scores < math.inf)  # NaN too
    if bool(wrong.any()):
        raise ValueError(f"the reward of {encoded[int(wrong.int().argmax())].completion_ids} is {scores[wrong][0]:g}")
    return [list(part) for part in _split(scores.tolist(), [len(group) for group in groups])]


def _split(values: Sequence[float], sizes: Sequence[int]) -> Iterator[Sequence[float]]:
    start = 0
    for size in sizes:
        yield values[start : start + size]
        start += size


def collected(
    prompts: Sequence[Prompt], written: Sequence[Sequence[Sampled]], chosen: Sequence[Sequence[str]], **own: float
) -> Collected:
    """The chosen texts of each prompt as demonstrations of a model, with the method's own metrics."""
    found = [
        Demonstration(prompt, completion, source="model")
        for prompt, completions in zip(prompts, chosen, strict=True)
        for completion in completions
    ]
    ended = [float(each.ended) for group in written for each in group]
    metrics = {"kept": float(len(found)), "prompts": float(sum(map(bool, chosen))), "eos_rate": mean(ended)}
    return Collected(found, metrics | own)


def mean(values: Sequence[float]) -> float:
    """0 of nothing, so that a metric is always a number."""
    return fmean(values) if values else 0.0
