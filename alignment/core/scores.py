"""Scores of completions from token log-probabilities: the first half of score x likelihood.

N = completions, L = token positions. ``True`` in a mask means "a token of the completion, EOS included"; what lies
behind ``False`` may be anything, NaN included, and gets a gradient of exactly 0. The reward and preference scores come
from heads (`heads`), not from log-probabilities.
"""

from __future__ import annotations

import torch
from torch import Tensor

from alignment.core.checks import describe, log1mexp, require_positive

CERTAIN = -1e-7
"""Mean log-probability, nats, above which a completion counts as certain: its log-odds would be infinite."""


def implicit(
    logprobs: Tensor, reference_logprobs: Tensor, mask: Tensor, *, beta: float, average: bool = False
) -> Tensor:
    """Implicit reward of a policy (Rafailov et al., 2023, eq. 5 without its Z): beta (log pi(y|x) - log pi_ref(y|x)).

    Args:
        logprobs: log-probability of each token under the policy, nats, (N, L).
        reference_logprobs: the same under the reference policy, (N, L), without gradient here.
        mask: bool, (N, L).
        beta: KL strength, above 0; 1 gives the log-ratio itself, as `likelihoods.ipo` and `likelihoods.kto` take it.
        average: divide by the number of tokens. The papers sum; some trainers average for IPO.

    Returns:
        Nats, (N,); 0 when the policy is the reference policy.

    Raises:
        ValueError: shapes differ, a completion has no token, beta isn't above 0.
    """
    require_positive("beta", beta)
    if reference_logprobs.shape != logprobs.shape:
        raise ValueError(f"reference_logprobs is {describe(reference_logprobs)}, logprobs is {describe(logprobs)}")
    total, count = _sums(logprobs - reference_logprobs.detach(), mask)
    return beta * (total / count if average else total)


def average(logprobs: Tensor, mask: Tensor, *, beta: float) -> Tensor:
    """Length-averaged log-probability, the score of SimPO (Meng et al., 2024, eq. 4): beta / |y| log pi(y|x).

    Args:
        logprobs: log-probability of each token under the policy, nats, (N, L).
        mask: bool, (N, L).
        beta: above 0. SimPO's target margin gamma is the margin of `likelihoods.bradley_terry`, in the units of this
            score, so that a ratio gamma / beta of 0.5 is a margin of beta / 2.

    Returns:
        Nats, (N,).

    Raises:
        ValueError: shapes differ, a completion has no token, beta isn't above 0.
    """
    require_positive("beta", beta)
    total, count = _sums(logprobs, mask)
    return beta * total / count


def log_odds(logprobs: Tensor, mask: Tensor) -> Tensor:
    """Log-odds of a completion, the score of ORPO (Hong et al., 2024, eq. 4): a - log(1 - e^a), a = log pi(y|x) / |y|.

    Args:
        logprobs: log-probability of each token under the policy, nats, (N, L).
        mask: bool, (N, L).

    Returns:
        Nats, (N,). Where a is above -1e-7 it is held there (about 16 nats, without gradient), because the odds of a
        certain completion are infinite.

    Raises:
        ValueError: shapes differ, a completion has no token.
    """
    total, count = _sums(logprobs, mask)
    mean = (total / count).clamp(max=CERTAIN)
    return mean - log1mexp(-mean)


def _sums(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Sum and number of the counting tokens of each completion, (N,) each."""
    if values.ndim != 2 or not values.is_floating_point():
        raise ValueError(f"logprobs is {describe(values)}, must be float (N, L)")
    if mask.shape != values.shape or mask.dtype != torch.bool:
        raise ValueError(f"mask is {describe(mask)}, must be bool {tuple(values.shape)}")
    count = mask.sum(dim=1)
    if bool((count == 0).any()):
        row = int((count == 0).nonzero()[0])
        raise ValueError(f"completion {row} has no token in the mask: an empty completion still has its EOS")
    return torch.where(mask, values, 0.0).sum(dim=1), count
