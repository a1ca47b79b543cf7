"""Checks at the door of the core's mathematics, and the one number function they share."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def log1mexp(x: Tensor) -> Tensor:
    """log(1 - e^{-x}) for x > 0 without cancellation (Mächler, 2012); -inf at 0."""
    small = x < math.log(2)
    return torch.where(
        small,
        torch.log(-torch.expm1(-x)),
        # The inner where keeps the gradient of the branch not taken away from log(0).
        torch.log1p(-torch.exp(-torch.where(small, 1.0, x))),
    )


def describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def require_vector(name: str, tensor: Tensor) -> None:
    if tensor.ndim != 1 or not tensor.is_floating_point():
        raise ValueError(f"{name} is {describe(tensor)}, must be a float vector (N,)")


def require_both(chosen: Tensor, rejected: Tensor) -> None:
    require_vector("chosen", chosen)
    if rejected.shape != chosen.shape or not rejected.is_floating_point():
        raise ValueError(f"rejected is {describe(rejected)}, chosen is {describe(chosen)}")


def require_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} is {value}, must be above 0")


def require_group(scores: Tensor, mask: Tensor) -> None:
    if scores.ndim != 2 or not scores.is_floating_point():
        raise ValueError(f"scores is {describe(scores)}, must be float (N, K)")
    if mask.shape != scores.shape or mask.dtype != torch.bool:
        raise ValueError(f"mask is {describe(mask)}, must be bool {tuple(scores.shape)}")


def require_outcome(difference: Tensor, outcome: Tensor) -> None:
    require_vector("difference", difference)
    if outcome.shape != difference.shape:
        raise ValueError(f"outcome is {tuple(outcome.shape)}, difference is {tuple(difference.shape)}")
    wrong = (outcome != 1) & (outcome != 0) & (outcome != -1)
    if bool(wrong.any()):
        raise ValueError(f"outcome holds {outcome[wrong][0].item()}, must be 1 (win), 0 (tie) or -1 (loss)")


def require_possible_ties(name: str, value: Tensor, tie: Tensor) -> None:
    if bool((tie & (value == 0)).any()):
        raise ValueError(f"{name} is 0, which makes ties impossible, and there is a tie: use a {name} above 0")


def per_example(
    name: str, value: float | Tensor, like: Tensor, *, low: float = -math.inf, high: float = math.inf
) -> Tensor:
    """The number or tensor as a float tensor that goes with each example, its range checked."""
    tensor = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    if tensor.shape not in ((), like.shape):
        raise ValueError(f"{name} is {tuple(tensor.shape)}, must be a number or {tuple(like.shape)}")
    wrong = ~((tensor >= low) & (tensor <= high))
    if bool(wrong.any()):
        raise ValueError(f"{name} is {tensor[wrong].flatten()[0].item():g}, must be within {low:g} and {high:g}")
    return tensor.expand_as(like)
