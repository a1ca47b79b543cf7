"""From next-token logits to a token: temperature, top-k, nucleus, and a draw that is the same for the same seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class SamplingSettings:
    """How completions are drawn. The defaults draw from the policy itself, as training needs it."""

    num_completions: int = 1
    """Completions of each prompt, 1 or more."""
    max_new_tokens: int = 128
    """Tokens of a completion, EOS included, 1 or more."""
    temperature: float = 1.0
    """Divides the logits, 0 or more; 0 takes the likeliest token (greedy)."""
    top_k: int = 0
    """Only the k likeliest tokens, 0 for all. Anything else makes KL estimates wrong."""
    top_p: float = 1.0
    """Only the likeliest tokens that together reach this probability, in (0, 1] (Holtzman et al., 2020)."""

    def __post_init__(self) -> None:
        for name in ("num_completions", "max_new_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}; give 0 (greedy) or a number above it")
        if self.top_k < 0:
            raise ValueError(f"top_k is {self.top_k}; give 0 for all tokens or a number of them")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; give a probability above 0, 1 for all tokens")


def next_token_logprobs(logits: Tensor, settings: SamplingSettings) -> Tensor:
    """Log-probabilities that the sampler draws from, (R, V) to (R, V), float32, -inf for what is left out.

    Temperature first, then top-k, then the nucleus of what is left. Greedy: those at temperature 1, unfiltered.
    """
    logits = logits.float()
    if settings.temperature == 0:
        return logits.log_softmax(dim=-1)
    logprobs = (logits / settings.temperature).log_softmax(dim=-1)
    if 0 < settings.top_k < logprobs.shape[-1]:
        best = logprobs.topk(settings.top_k, dim=-1)
        kept = torch.full_like(logprobs, -math.inf).scatter(-1, best.indices, best.values)
        logprobs = kept.log_softmax(dim=-1)
    if settings.top_p < 1:
        ordered, places = logprobs.sort(dim=-1, descending=True, stable=True)
        before = ordered.exp().cumsum(dim=-1) - ordered.exp()  # probability of everything likelier
        # A rounded sum may not push out the likeliest token.
        outside = (before >= settings.top_p) & (torch.arange(ordered.shape[-1], device=ordered.device) > 0)
        ordered = ordered.masked_fill(outside, -math.inf)
        logprobs = torch.empty_like(ordered).scatter(-1, places, ordered).log_softmax(dim=-1)
    return logprobs


@dataclass(frozen=True)
class Draws:
    """The random numbers of one call of a sampler: a stream for each completion of each prompt.

    A stream is known by its numbers alone (Philox, which counts instead of stepping on), so what a completion draws
    depends neither on what is sampled beside it, nor on how many are sampled at once, nor on which process does it.
    """

    key: tuple[int, int]

    @classmethod
    def of(cls, generator: torch.Generator) -> Draws:
        """New streams; takes two numbers from the generator, however many are drawn from the streams."""
        first, second = torch.randint(2**63 - 1, (2,), generator=generator, device=generator.device).tolist()
        return cls(key=(first, second))

    def uniform(self, *, prompt: int, copy: int, count: int) -> torch.Tensor:
        """Numbers in [0, 1) for each token of a prompt's completion number ``copy``, float64, (count,)."""
        stream = np.random.Philox(key=np.array(self.key, dtype=np.uint64), counter=[0, 0, copy, prompt])
        return torch.from_numpy(np.random.Generator(stream).random(count))


def draw(logprobs: Tensor, uniform: Tensor) -> Tensor:
    """One token a row by inversion, (R, V) and numbers in [0, 1) (R,) to long (R,).

    One random number a row, so a row's completion does not depend on which other rows are still running.
    """
    # Float64: sums over 150,000 tokens in float32 would leave the last ones out.
    heights = logprobs.double().exp().cumsum(dim=-1)  # (R, V)
    total = heights[:, -1:]
    wanted = torch.minimum(uniform[:, None].double() * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(heights, wanted, right=True)[:, 0]
