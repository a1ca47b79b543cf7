"""Log-probabilities of tokens without ever holding (tokens x vocabulary) logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

MAX_LOGITS = 2**24
"""Logits held at once: 64 MiB in float32."""
CHUNK_LOGITS, CHUNK_TOKENS = 2**22, 512
"""Computed at once where more may be held: so many logits stay in the processor's cache from one operation to the next;
but not fewer tokens, as each chunk reads the whole head."""

Logits = Callable[[Tensor], Tensor]


def token_logprobs(
    states: Tensor,
    labels: Tensor,
    *,
    logits: Logits,
    vocabulary_size: int,
    temperature: float = 1.0,
    max_logits: int = MAX_LOGITS,
    frozen: bool = False,
) -> Tensor:
    """log pi(label | state) of M tokens, in nats, float32, (M,).

    log softmax(logits / temperature)[label], in chunks. A frozen token head leaves (M, d) to the backward pass; one
    that is trained leaves its logits, or has them computed again when there are more than max_logits.

    Args:
        states: hidden states, (M, d).
        labels: token ids, long, (M,).
        logits: the token head, (m, d) -> (m, V).
        temperature: of the sampling distribution, above 0.
        max_logits: logits held at once.
        frozen: the head itself gets no gradient; if it wants one nevertheless, there is none.

    Raises:
        ValueError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; log-probabilities need one above 0")

    def of_chunk(chunk: Tensor, wanted: Tensor) -> Tensor:
        scaled = logits(chunk).float()  # (m, V)
        return _pick(scaled if temperature == 1 else scaled / temperature, wanted)

    size = max(1, min(max_logits // vocabulary_size, max(CHUNK_LOGITS // vocabulary_size, CHUNK_TOKENS)))
    parts = list(zip(torch.split(states, size), torch.split(labels, size), strict=True))
    if not torch.is_grad_enabled():
        return torch.cat([of_chunk(chunk, wanted) for chunk, wanted in parts])
    if frozen and states.requires_grad:
        return _frozen(states, of_chunk, parts)
    if len(states) * vocabulary_size <= max_logits:
        return torch.cat([of_chunk(chunk, wanted) for chunk, wanted in parts])
    return torch.cat([_recomputed(of_chunk, chunk, wanted) for chunk, wanted in parts])


class _Pick(torch.autograd.Function):
    """log softmax(x)[label], (m, V) to (m,), with one tensor of x's size for the gradient in place of four."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> Tensor:
        total = logits.logsumexp(dim=-1, keepdim=True)
        ctx.save_for_backward(logits, labels, total)
        return (logits.gather(-1, labels[:, None]) - total)[:, 0]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        """d log softmax(x)[label] / dx = onehot(label) - softmax(x)."""
        (gradient,) = gradients
        logits, labels, total = ctx.saved_tensors
        found = (logits - total).exp_().mul_(-gradient[:, None])
        return found.scatter_add_(-1, labels[:, None], gradient[:, None]), None


class _Frozen(torch.autograd.Function):
    """A token's log-probability depends on its own state alone: the gradient is known as soon as the value is."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, values: Tensor, gradients: Tensor) -> Tensor:
        ctx.save_for_backward(gradients)
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        (own,) = ctx.saved_tensors
        return (own * gradient[:, None]).to(own.dtype), None, None


def _pick(logits: Tensor, labels: Tensor) -> Tensor:
    picked: Tensor = _Pick.apply(logits, labels)  # type: ignore[no-untyped-call]  # torch types none
    return picked


def _frozen(states: Tensor, of_chunk: Callable[[Tensor, Tensor], Tensor], parts: list[tuple[Tensor, Tensor]]) -> Tensor:
    values: list[Tensor] = []
    gradients: list[Tensor] = []
    for chunk, wanted in parts:
        leaf = chunk.detach().requires_grad_()
        value = of_chunk(leaf, wanted)
        gradients += torch.autograd.grad(value.sum(), leaf)
        values.append(value.detach())
    found = torch.cat(values), torch.cat(gradients)
    result: Tensor = _Frozen.apply(states, *found)  # type: ignore[no-untyped-call]  # torch types none
    return result


def _recomputed(function: Callable[[Tensor, Tensor], Tensor], chunk: Tensor, wanted: Tensor) -> Tensor:
    # No random numbers in here, so their state need not be kept.
    result: Tensor = checkpoint(function, chunk, wanted, use_reentrant=False, preserve_rng_state=False)
    return result
