"""The arithmetic of policy gradients: KL-shaped rewards, advantages, clipped losses and the KL controller.

B = rollouts, T = completion positions, K = completions of one prompt. ``True`` in a mask means "a token of the
completion, EOS included"; rows may be ragged on either side. What lies behind ``False`` may be anything, NaN included:
it comes out as 0 and gets a gradient of exactly 0. Rewards, advantages and returns carry no gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from alignment.core.checks import describe, require_positive
from alignment.core.statistics.kl import AdaptiveKL, k1, k2, k3

__all__ = [
    "AdaptiveKL",
    "Metrics",
    "clipped_policy_loss",
    "clipped_value_loss",
    "gae",
    "group_advantages",
    "k1",
    "k2",
    "k3",
    "kl_shaped_rewards",
    "last_index",
    "masked_moments",
    "whiten",
]

Metrics = dict[str, tuple[Tensor, float]]
"""Detached (sum, count) by name, so that micro-batches add up to the mean over all tokens that count."""

MAX_LOG_RATIO = 20.0
"""Nats; e^20 is far outside any clip range, and e^89 would overflow to infinity in float32."""


def kl_shaped_rewards(
    scores: Tensor, logprobs: Tensor, reference_logprobs: Tensor, mask: Tensor, *, beta: float | Tensor
) -> Tensor:
    """Reward of each token: minus beta times its KL term, plus the score at the last real token.

    R_t = -beta (log pi_old(y_t) - log pi_ref(y_t)) + [t is last] score      (Ziegler et al., 2019, eq. 2, per token)

    Because the KL stands in the reward, a token's return holds the KL of all later tokens, which is what the gradient
    of the sequence KL needs; a KL loss per token would miss that.

    Args:
        scores: reward of each completion, nats, (B,).
        logprobs: under the policy that sampled, nats, (B, T).
        reference_logprobs: under the reference policy, nats, (B, T).
        mask: bool, (B, T).
        beta: KL strength, 0 or more.

    Returns:
        Nats, (B, T).

    Raises:
        ValueError: shapes differ, a completion has no token, a score is not finite, beta is negative.
    """
    _require_tokens(mask, logprobs=logprobs, reference_logprobs=reference_logprobs)
    if scores.shape != mask.shape[:1]:
        raise ValueError(f"scores is {tuple(scores.shape)}, must be {tuple(mask.shape[:1])}")
    if not bool(torch.isfinite(scores).all()):
        row = int((~torch.isfinite(scores)).nonzero()[0])
        raise ValueError(f"scores holds {scores[row].item()} for completion {row}")
    if not beta >= 0:
        raise ValueError(f"beta is {beta}, must be 0 or more")
    log_ratio = (logprobs - reference_logprobs).detach()
    rewards = torch.where(mask, -beta * log_ratio, 0.0)
    return rewards.scatter_add(1, last_index(mask)[:, None], scores.detach().to(rewards.dtype)[:, None])


def last_index(mask: Tensor) -> Tensor:
    """Position of the last token that counts, (B,). Raises ValueError where a completion has none."""
    empty = ~mask.any(dim=1)
    if bool(empty.any()):
        raise ValueError(f"completion {int(empty.nonzero()[0])} has no token in the mask")
    return mask.shape[1] - 1 - mask.flip(1).int().argmax(dim=1)


def gae(rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimation (Schulman et al., 2016, eq. 16).

    delta_t = R_t + gamma V_{t+1} - V_t,   A_t = delta_t + gamma lam A_{t+1},   return_t = A_t + V_t

    t + 1 is the next token that counts; after the last one V and A are 0. lam = 1 gives Monte-Carlo returns, lam = 0
    temporal-difference errors. Returns are those of the advantages as they are here, before any whitening.

    Args:
        rewards, values: nats, (B, T).
        mask: bool, (B, T).
        gamma: discount per token, in [0, 1].
        lam: lambda, in [0, 1].

    Returns:
        Advantages and returns, (B, T) each.

    Raises:
        ValueError: shapes differ, gamma or lam is outside [0, 1].
    """
    _require_tokens(mask, rewards=rewards, values=values)
    for name, value in (("gamma", gamma), ("lam", lam)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}, must be within 0 and 1")
    rewards = torch.where(mask, rewards.detach(), 0.0)
    values = torch.where(mask, values.detach(), 0.0)
    advantages = torch.zeros_like(values)
    next_value = next_advantage = values.new_zeros(len(values))
    for t in reversed(range(values.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        advantage = delta + gamma * lam * next_advantage
        # A position that doesn't count passes on what comes after it, so ragged rows need no special end.
        next_advantage = torch.where(mask[:, t], advantage, next_advantage)
        next_value = torch.where(mask[:, t], values[:, t], next_value)
        advantages[:, t] = torch.where(mask[:, t], advantage, 0.0)
    return advantages, advantages + values


def whiten(x: Tensor, mask: Tensor, *, shift_mean: bool = True, moments: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Scale to variance 1 over the tokens that count, and shift to mean 0 unless told to keep the mean.

    Rewards keep their mean (`shift_mean=False`): their level carries meaning. Advantages lose it.

    Args:
        x: (B, T).
        mask: bool, (B, T).
        shift_mean: False keeps the mean.
        moments: mean and variance to use in place of the batch's own, such as those over all processes.

    Returns:
        (B, T), 0 outside the mask.

    Raises:
        ValueError: shapes differ, no token counts.
    """
    _require_tokens(mask, x=x)
    mean, variance = moments or masked_moments(x, mask)
    whitened = (x - mean) * torch.rsqrt(variance + 1e-8)
    if not shift_mean:
        whitened = whitened + mean
    return torch.where(mask, whitened, 0.0)


def masked_moments(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and population variance over what counts, scalars. Raises ValueError when nothing counts."""
    count = mask.sum()
    if not bool(count):
        raise ValueError("mask is all False: nothing to take a mean of")
    mean = torch.where(mask, x, 0.0).sum() / count
    return mean, torch.where(mask, x - mean, 0.0).square().sum() / count


def clipped_policy_loss(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, mask: Tensor, *, clip: float
) -> tuple[Tensor, int, Metrics]:
    """PPO's clipped surrogate (Schulman et al., 2017, eq. 7), summed over tokens.

    L = sum_t max(-A_t rho_t, -A_t clip(rho_t, 1 - clip, 1 + clip)),   rho_t = pi(y_t) / pi_old(y_t)

    At rho = 1 its gradient is the policy gradient -sum_t A_t grad log pi(y_t).

    Args:
        logprobs: under the policy, nats, with gradient, (B, T).
        old_logprobs: under the policy that sampled, by the same forward code, (B, T).
        advantages: (B, T).
        mask: bool, (B, T).
        clip: how far rho may go from 1 before it stops paying, above 0.

    Returns:
        Sum of the loss, number of tokens, and metrics: ratio, approx_kl (k3 of old against new, nats per token),
        clip_share.

    Raises:
        ValueError: shapes differ, clip isn't above 0.
    """
    _require_tokens(mask, logprobs=logprobs, old_logprobs=old_logprobs, advantages=advantages)
    require_positive("clip", clip)
    log_ratio = torch.where(mask, logprobs - old_logprobs.detach(), 0.0).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    advantages = torch.where(mask, advantages.detach(), 0.0)
    ratio = log_ratio.exp()
    plain, clipped = -advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip)
    # Padding has advantage 0 and ratio 1, so it adds nothing to the loss.
    loss = torch.maximum(plain, clipped).sum()
    metrics = {
        "ratio": ratio,
        "approx_kl": torch.expm1(log_ratio) - log_ratio,
        "clip_share": (clipped > plain).to(ratio.dtype),
    }
    return loss, int(mask.sum()), _summed(metrics, mask)


def clipped_value_loss(
    values: Tensor, old_values: Tensor, returns: Tensor, mask: Tensor, *, clip: float | None
) -> tuple[Tensor, int, Metrics]:
    """PPO's clipped value loss (Schulman et al., 2016, section 5; as in Ziegler et al., 2019), summed over tokens.

    L = sum_t max((V_t - R_t)^2, (clip(V_t, V_old_t - clip, V_old_t + clip) - R_t)^2) / 2

    Args:
        values: nats, with gradient, (B, T).
        old_values: values when the rollouts were made, (B, T).
        returns: of `gae`, (B, T).
        mask: bool, (B, T).
        clip: nats that a value may move from its old one, above 0; None for plain squared error.

    Returns:
        Sum of the loss, number of tokens, and metrics: value_error (absolute, nats), value_clip_share.

    Raises:
        ValueError: shapes differ, clip isn't above 0.
    """
    _require_tokens(mask, values=values, old_values=old_values, returns=returns)
    require_positive("clip", 1.0 if clip is None else clip)
    values, old, target = (torch.where(mask, x, 0.0) for x in (values, old_values.detach(), returns.detach()))
    plain = (values - target).square()
    near = values if clip is None else old + (values - old).clamp(-clip, clip)
    clipped = (near - target).square()
    loss = torch.maximum(plain, clipped).sum() / 2
    metrics = {"value_error": plain.sqrt(), "value_clip_share": (clipped > plain).to(plain.dtype)}
    return loss, int(mask.sum()), _summed(metrics, mask)


def group_advantages(rewards: Tensor, *, kind: Literal["rloo", "grpo", "dr_grpo"]) -> Tensor:
    """Advantages of K completions of each prompt against each other.

    rloo     R - mean of the other K - 1            (Kool et al., 2019; Ahmadian et al., 2024); is K/(K-1) of dr_grpo
    grpo     (R - mean) / (std + 1e-4), std with K - 1   (Shao et al., 2024)
    dr_grpo  R - mean                               (Liu et al., 2025)

    Args:
        rewards: nats, (B, K) with K at least 2.
        kind: which of the three.

    Returns:
        (B, K), each row sums to 0; all 0 where the rewards of a prompt are equal.

    Raises:
        ValueError: fewer than two completions per prompt, an unknown kind.
    """
    if rewards.ndim != 2 or rewards.shape[1] < 2:
        raise ValueError(f"rewards is {tuple(rewards.shape)}, must be (B, K) with at least 2 completions per prompt")
    rewards = rewards.detach()
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    match kind:
        case "rloo":
            return centred * (rewards.shape[1] / (rewards.shape[1] - 1))
        case "grpo":
            return centred / (rewards.std(dim=1, keepdim=True) + 1e-4)
        case "dr_grpo":
            return centred
    raise ValueError(f"kind is {kind!r}, must be 'rloo', 'grpo' or 'dr_grpo'")


def _require_tokens(mask: Tensor, **tensors: Tensor) -> None:
    if mask.ndim != 2 or mask.dtype != torch.bool:
        raise ValueError(f"mask is {describe(mask)}, must be bool (B, T)")
    for name, tensor in tensors.items():
        if tensor.shape != mask.shape or not tensor.is_floating_point():
            raise ValueError(f"{name} is {describe(tensor)}, must be float {tuple(mask.shape)}")


def _summed(metrics: Mapping[str, Tensor], mask: Tensor) -> Metrics:
    count = float(mask.sum())
    return {name: (torch.where(mask, x.detach(), 0.0).sum(), count) for name, x in metrics.items()}
