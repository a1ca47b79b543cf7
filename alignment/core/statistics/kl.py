"""Kullback-Leibler divergence of a policy from its reference: estimators on samples, exact values, a controller."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from alignment.core.checks import describe, require_positive


def k1(logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    """log-ratio rho on samples of pi: an unbiased KL(pi || pi_ref) in nats, often negative (Schulman, 2020).

    Its own gradient is 0 in expectation: put it into a reward, never into a loss.
    """
    return logprobs - reference_logprobs


def k2(logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    """rho^2 / 2: never negative, biased; on sums over a sequence its gradient is that of the KL (Schulman, 2020)."""
    return (logprobs - reference_logprobs).square() / 2


def k3(logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    """e^{-rho} - 1 + rho: unbiased, never negative, in nats (Schulman, 2020); to report, not as a loss."""
    log_ratio = logprobs - reference_logprobs
    return torch.expm1(-log_ratio) + log_ratio


def token_kl(logits: Tensor, reference_logits: Tensor) -> Tensor:
    """Exact KL of the next-token distributions, sum_v pi_v (log pi_v - log pi_ref_v), at each position.

    Summed over the tokens of a completion sampled from pi, it estimates the sequence KL without bias and with less
    noise than the log-ratio of the sampled tokens, and it is never negative. Both logits are divided by the sampling
    temperature before they come here. For long batches call it on slices of positions.

    Args:
        logits, reference_logits: float, (..., V); -inf bans a token.

    Returns:
        Nats, (...), 0 or more; inf where pi allows a token that the reference policy bans.

    Raises:
        ValueError: shapes differ (a vocabulary mismatch, say) or the logits aren't float.
    """
    if logits.shape != reference_logits.shape or not logits.is_floating_point() or not logits.ndim:
        raise ValueError(f"logits is {describe(logits)}, reference_logits is {describe(reference_logits)}")
    logp, reference = logits.float().log_softmax(-1), reference_logits.float().log_softmax(-1)
    # 0 log 0 = 0: a banned token adds nothing, whatever the reference policy says about it.
    terms = torch.where(logp > -torch.inf, logp.exp() * (logp - reference), 0.0)
    return terms.sum(-1).clamp(min=0)


def best_of_n_kl(num_completions: int) -> float:
    """KL of best-of-n sampling from the policy it samples, log n - (n - 1) / n (Stiennon et al., 2020, appendix G.3).

    Exact when no two completions can be equally good or the same; otherwise an upper bound (Beirami et al., 2024).

    Args:
        num_completions: n, 1 or more.

    Returns:
        Nats.

    Raises:
        ValueError: n is below 1.
    """
    if num_completions < 1:
        raise ValueError(f"num_completions is {num_completions}, must be 1 or more")
    return math.log(num_completions) - (num_completions - 1) / num_completions


def kl_budget(nats: float, *, judgements: int) -> float:
    """How far a policy may go from the reference, in nats per completion: ``nats`` at 1,000 judgements.

    It grows with the root of their number: a reward that was learned from few judgements holds near the data only
    (Gao et al., 2022: the KL at which the true reward peaks grows with them).
    """
    return nats * math.sqrt(judgements / 1000)


@dataclass
class AdaptiveKL:
    """Proportional controller that steers beta to a target KL (Ziegler et al., 2019, section 2.2).

    e = clip(KL / target - 1, -0.2, 0.2),   beta <- beta (1 + e n / horizon)

    Attributes:
        beta: KL strength now, above 0.
        target: KL per completion in nats, above 0.
        horizon: completions over which beta can follow, above 0.

    Raises:
        ValueError: one of them isn't above 0, or a KL is not finite.
    """

    beta: float
    target: float
    horizon: float = 10_000

    def __post_init__(self) -> None:
        for name in ("beta", "target", "horizon"):
            require_positive(name, getattr(self, name))

    def update(self, *, kl: float, num_completions: int) -> float:
        """Take in the mean sequence KL (nats) of some completions; returns the new beta."""
        if not abs(kl) < float("inf"):
            raise ValueError(f"kl is {kl}, must be finite")
        error = min(max(kl / self.target - 1, -0.2), 0.2)
        # A batch larger than five horizons would turn beta negative.
        self.beta *= max(1 + error * num_completions / self.horizon, 0.1)
        return self.beta

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint keeps: beta moves, the rest is configuration."""
        return {"beta": self.beta}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from a checkpoint."""
        require_positive("beta", state["beta"])
        self.beta = float(state["beta"])
