"""Completions that the policy wrote and learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alignment.core.records import Prompt
from alignment.core.rollout import Sampler
from alignment.core.sampling import SamplingSettings
from alignment.core.text import Encoded


@dataclass(frozen=True)
class Rollout:
    """One completion as token ids, and per token (length,), on the CPU, what was computed when it was made."""

    encoded: Encoded
    old_logprobs: Tensor
    old_values: Tensor
    advantages: Tensor
    returns: Tensor


def roll_out(
    sampler: Sampler, prompts: Sequence[Prompt], *, sampling: SamplingSettings, generator: torch.Generator
) -> tuple[list[Encoded], Tensor]:
    """Completions of each prompt, those of one prompt side by side, and which of them ended, bool, (N,).

    Raises:
        ValueError: top-k or nucleus sampling, which would make old and new log-probabilities those of two policies.
    """
    if sampling.top_k or sampling.top_p < 1:
        raise ValueError(f"rollouts are drawn with top_k 0 and top_p 1, not {sampling.top_k} and {sampling.top_p}")
    drawn = sampler.sample(prompts, settings=sampling, generator=generator)
    together = [completion for completions in drawn for completion in completions]
    return [each.encoded() for each in together], torch.tensor([each.ended for each in together])
