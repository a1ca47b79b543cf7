"""Log-probabilities of tokens without ever holding (tokens x vocabulary) logits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

MAX_LOGITS = 2**24
"""Logits held at once: 64 MiB in float32."""


def token_logprobs(
    states: Tensor,
    labels: Tensor,
    *,
    logits: Callable[[Tensor], Tensor],
    vocabulary_size: int,
    temperature: float = 1.0,
    max_logits: int = MAX_LOGITS,
) -> Tensor:
    """log pi(label | state) of M tokens, in nats, float32, (M,).

    log softmax(logits / temperature)[label]. Chunks of max_logits / vocabulary_size tokens; more than one chunk is
    computed again in the backward pass, so at most one chunk of logits exists at a time.

    Args:
        states: hidden states, (M, d).
        labels: token ids, long, (M,).
        logits: the token head, (m, d) -> (m, V) in float32.
        temperature: of the sampling distribution, above 0.

    Raises:
        ValueError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; log-probabilities need one above 0")

    def of_chunk(chunk: Tensor, wanted: Tensor) -> Tensor:
        scaled = logits(chunk).float() / temperature  # (m, V)
        return scaled.gather(-1, wanted[:, None])[:, 0] - scaled.logsumexp(dim=-1)

    size = max(1, max_logits // vocabulary_size)
    if len(states) <= size:
        return of_chunk(states, labels)
    parts = zip(torch.split(states, size), torch.split(labels, size), strict=True)
    if not torch.is_grad_enabled():
        return torch.cat([of_chunk(chunk, wanted) for chunk, wanted in parts])
    return torch.cat([_recomputed(of_chunk, chunk, wanted) for chunk, wanted in parts])


def _recomputed(function: Callable[[Tensor, Tensor], Tensor], chunk: Tensor, wanted: Tensor) -> Tensor:
    # No random numbers in here, so their state need not be kept.
    result: Tensor = checkpoint(function, chunk, wanted, use_reentrant=False, preserve_rng_state=False)
    return result
