"""Likelihoods of human judgements given scores: the second half of score x likelihood.

Every function takes float tensors and returns one loss in nats per example, without reduction, so that callers
weight, sum and divide once. ``True`` in a mask means "counts"; scores behind ``False`` may be anything, NaN included,
and get a gradient of exactly 0. A difference d is always the score of the first (or chosen) completion minus the
score of the second (or rejected). N = examples, K = completions of one prompt, C = grades of a rating.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from alignment.core.checks import (
    describe,
    log1mexp,
    per_example,
    require_both,
    require_outcome,
    require_positive,
    require_possible_ties,
    require_vector,
)
from alignment.core.rankings import best_of, center, davidson_luce, plackett_luce

__all__ = [
    "apo_zero",
    "best_of",
    "bradley_terry",
    "center",
    "davidson",
    "davidson_luce",
    "hinge",
    "ipo",
    "kto",
    "ordered_logit",
    "plackett_luce",
    "rao_kupper",
    "sppo_hard",
]


def bradley_terry(
    difference: Tensor, *, margin: float | Tensor = 0.0, smoothing: float | Tensor = 0.0, robust: bool = False
) -> Tensor:
    """Negative log-likelihood that the first completion wins (Bradley and Terry, 1952; Ouyang et al., 2022, eq. 1).

    win(d)  = -log sigma(d - margin)                                    margin: Touvron et al., 2023, eq. 2
    plain   = (1 - e) win(d) + e win(-d)                                conservative DPO (Mitchell, 2023)
    robust  = ((1 - e) win(d) - e win(-d)) / (1 - 2e)                   Chowdhury et al., 2024

    with e = smoothing, the share of flipped labels. The expectation of the robust loss over labels flipped with
    probability e is the loss on the true labels. A margin belongs to the label, so it changes sides with it.

    Args:
        difference: score of chosen minus rejected, nats, (N,).
        margin: nats, 0 or more, a number or (N,).
        smoothing: in [0, 0.5], or [0, 0.5) when robust; a number or (N,). 0.5 counts a tie as half a win each.
        robust: the unbiased loss instead of the smoothed one.

    Returns:
        Loss in nats, (N,); ln 2 at difference 0 without a margin. The robust loss can be negative.

    Raises:
        ValueError: difference isn't a float vector, margin or smoothing is out of range.
    """
    require_vector("difference", difference)
    margin = per_example("margin", margin, difference, low=0.0)
    flip = per_example("smoothing", smoothing, difference, low=0.0, high=0.5)
    if robust and bool((flip >= 0.5).any()):
        raise ValueError("smoothing is 0.5 with robust=True: labels that are flipped half the time say nothing")
    win = -F.logsigmoid(difference - margin)
    loss = -F.logsigmoid(-difference - margin)
    if robust:
        return ((1 - flip) * win - flip * loss) / (1 - 2 * flip)
    return (1 - flip) * win + flip * loss


def davidson(difference: Tensor, outcome: Tensor, *, nu: float | Tensor) -> Tensor:
    """Negative log-likelihood of a win, tie or loss under Davidson's model (Davidson, 1970).

    P(win) = e^{d/2} / Z,  P(tie) = 2 nu / Z,  P(loss) = e^{-d/2} / Z,  Z = e^{d/2} + 2 nu + e^{-d/2}

    Davidson's own nu is 2 nu here, so that nu = 1 gives P(tie | d = 0) = 1/2 (Chen et al., 2024, arXiv 2409.17431).

    Args:
        difference: nats, (N,).
        outcome: 1 the first won, 0 tie, -1 the second won, (N,).
        nu: propensity to tie, above 0 (0 is Bradley-Terry and takes no ties); a number, (), or (N,); may be learnt.

    Returns:
        Loss in nats, (N,).

    Raises:
        ValueError: shapes differ, an outcome is none of 1, 0, -1, nu is negative, or 0 where there is a tie.
    """
    require_outcome(difference, outcome)
    nu = per_example("nu", nu, difference, low=0.0)
    tie = outcome == 0
    require_possible_ties("nu", nu, tie)
    # log(0) is the honest log-weight of a tie when nu is 0; the inner where keeps its gradient away from 0 * inf.
    log_tie = torch.where(nu > 0, (2 * nu.clamp(min=torch.finfo(nu.dtype).tiny)).log(), -math.inf)
    half = difference / 2
    log_z = torch.logsumexp(torch.stack([half, log_tie, -half]), dim=0)  # (N,)
    return log_z - torch.where(tie, log_tie, outcome * half)


def rao_kupper(difference: Tensor, outcome: Tensor, *, alpha: float | Tensor) -> Tensor:
    """Negative log-likelihood of a win, tie or loss under Rao and Kupper's model (Rao and Kupper, 1967).

    P(win) = sigma(d - alpha),  P(loss) = sigma(-d - alpha),  P(tie) = (theta^2 - 1) P(win) P(loss),  theta = e^alpha

    A tie is a difference below the threshold alpha, which is in the units of the reward. It is `ordered_logit` on the
    difference with cuts -alpha and alpha. alpha = ln 3 gives P(tie | d = 0) = 1/2.

    Args:
        difference: nats, (N,).
        outcome: 1 the first won, 0 tie, -1 the second won, (N,).
        alpha: threshold in nats, above 0 (0 is Bradley-Terry and takes no ties); a number, (), or (N,); may be learnt.

    Returns:
        Loss in nats, (N,).

    Raises:
        ValueError: shapes differ, an outcome is none of 1, 0, -1, alpha is negative, or 0 where there is a tie.
    """
    require_outcome(difference, outcome)
    alpha = per_example("alpha", alpha, difference, low=0.0)
    tie = outcome == 0
    require_possible_ties("alpha", alpha, tie)
    decided = F.logsigmoid(outcome * difference - alpha)
    width = log1mexp(torch.where(tie, 2 * alpha, 1.0))
    within = F.logsigmoid(alpha - difference) + F.logsigmoid(alpha + difference) + width
    return -torch.where(tie, within, decided)


def ordered_logit(scores: Tensor, ratings: Tensor, cuts: Tensor) -> Tensor:
    """Negative log-likelihood of ratings under the proportional odds model (McCullagh, 1980).

    P(rating <= k) = sigma(cut_k - s)
    log P(k) = log sigma(cut_k - s) + log sigma(s - cut_{k-1}) + log(1 - e^{-(cut_k - cut_{k-1})})

    The second line is the difference of two sigmoids without cancellation; the first and last grade have one cut only.

    Args:
        scores: nats, (N,).
        ratings: integers 1..C, (N,).
        cuts: C - 1 increasing numbers in nats, shared (C-1,) or per example (N, C-1); may be learnt.

    Returns:
        Loss in nats, (N,). The probabilities of 1..C sum to 1; one cut at 0 is `bradley_terry`.

    Raises:
        ValueError: shapes differ, a rating is outside 1..C, cuts don't increase.
    """
    require_vector("scores", scores)
    if ratings.shape != scores.shape or ratings.is_floating_point():
        raise ValueError(f"ratings is {describe(ratings)}, must be integers of shape {tuple(scores.shape)}")
    if cuts.ndim not in (1, 2) or not cuts.shape[-1] or cuts.shape[:-1] not in ((), scores.shape):
        raise ValueError(f"cuts is {tuple(cuts.shape)}, must be (C-1,) or ({len(scores)}, C-1)")
    if not bool((cuts.diff(dim=-1) > 0).all()):
        raise ValueError(f"cuts must increase, they are {cuts.tolist()}")
    grades = cuts.shape[-1] + 1
    outside = (ratings < 1) | (ratings > grades)
    if bool(outside.any()):
        raise ValueError(f"ratings holds {int(ratings[outside][0])}, the cuts make grades 1 to {grades}")
    first, last = ratings == 1, ratings == grades
    rows = cuts.expand(len(scores), -1)
    upper = rows.gather(1, (ratings.long() - 1).clamp(max=grades - 2)[:, None])[:, 0]  # (N,)
    lower = rows.gather(1, (ratings.long() - 2).clamp(min=0)[:, None])[:, 0]
    below = torch.where(last, 0.0, F.logsigmoid(upper - scores))
    above = torch.where(first, 0.0, F.logsigmoid(scores - lower))
    end = first | last
    width = torch.where(end, 0.0, log1mexp(torch.where(end, 1.0, upper - lower)))
    return -(below + above + width)


def hinge(difference: Tensor, *, margin: float = 1.0) -> Tensor:
    """Hinge loss max(0, margin - d) (SLiC: Zhao et al., 2023; on the implicit score: Liu et al., 2024).

    Args:
        difference: score of chosen minus rejected, nats, (N,).
        margin: nats, above 0.

    Returns:
        Loss, (N,).

    Raises:
        ValueError: difference isn't a float vector, margin isn't above 0.
    """
    require_vector("difference", difference)
    require_positive("margin", margin)
    return F.relu(margin - difference)


def ipo(difference: Tensor, *, beta: float) -> Tensor:
    """Identity preference optimisation (Azar et al., 2023): (d - 1 / (2 beta))^2.

    Args:
        difference: *unscaled* log-ratio of chosen minus rejected (`scores.implicit` with beta 1), nats, (N,). The paper
            sums over tokens; some trainers average over length, which needs a larger beta for the same effect.
        beta: KL strength, above 0.

    Returns:
        Loss in nats squared, (N,).

    Raises:
        ValueError: difference isn't a float vector, beta isn't above 0.
    """
    require_vector("difference", difference)
    require_positive("beta", beta)
    return (difference - 1 / (2 * beta)).square()


def apo_zero(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Anchored preference optimisation (D'Oosterlinck et al., 2024, eq. 7): 1 - sigma(chosen) + sigma(rejected).

    Unlike a loss of the difference it makes the chosen likelier than under the reference, and the rejected less likely.

    Args:
        chosen, rejected: scores (`scores.implicit`), nats, (N,) each.

    Returns:
        Loss, (N,), from 0 to 2; 1 at the reference policy.

    Raises:
        ValueError: they aren't float vectors of one length.
    """
    require_both(chosen, rejected)
    return torch.sigmoid(-chosen) + torch.sigmoid(rejected)


def sppo_hard(chosen: Tensor, rejected: Tensor, *, beta: float) -> Tensor:
    """Self-play preference optimisation (Wu et al., 2024, eq. 4.7) with P = 1 for the chosen and 0 for the rejected.

    (chosen - 1 / (2 beta))^2 + (rejected + 1 / (2 beta))^2

    Args:
        chosen, rejected: *unscaled* log-ratios (`scores.implicit` with beta 1), nats, (N,) each.
        beta: KL strength, above 0.

    Returns:
        Loss in nats squared, (N,).

    Raises:
        ValueError: they aren't float vectors of one length, beta isn't above 0.
    """
    require_both(chosen, rejected)
    require_positive("beta", beta)
    target = 1 / (2 * beta)
    return (chosen - target).square() + (rejected + target).square()


def kto(
    log_ratio: Tensor,
    desirable: Tensor,
    reference: float | Tensor,
    *,
    beta: float,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
) -> Tensor:
    """Kahneman-Tversky loss on single completions (Ethayarajh et al., 2024).

    desirable:    desirable_weight (1 - sigma(beta (log_ratio - z)))
    undesirable:  undesirable_weight (1 - sigma(beta (z - log_ratio)))        z = max(0, reference), without gradient

    Args:
        log_ratio: log pi(y|x) - log pi_ref(y|x), nats, (N,).
        desirable: bool, (N,).
        reference: estimate of KL(pi || pi_ref) in nats, a number, () or (N,): the mean log-ratio of completions
            set under prompts of others. Detached and clipped at 0 here.
        beta: KL strength, above 0.
        desirable_weight, undesirable_weight: 0 or more, the paper's lambda_D and lambda_U.

    Returns:
        Loss, (N,).

    Raises:
        ValueError: shapes differ, desirable isn't bool, beta isn't above 0, a weight is negative.
    """
    require_vector("log_ratio", log_ratio)
    if desirable.shape != log_ratio.shape or desirable.dtype != torch.bool:
        raise ValueError(f"desirable is {describe(desirable)}, must be bool of shape {tuple(log_ratio.shape)}")
    require_positive("beta", beta)
    good = per_example("desirable_weight", desirable_weight, log_ratio, low=0.0)
    bad = per_example("undesirable_weight", undesirable_weight, log_ratio, low=0.0)
    gain = beta * (log_ratio - per_example("reference", reference, log_ratio).detach().clamp(min=0))
    return torch.where(desirable, good * torch.sigmoid(-gain), bad * torch.sigmoid(gain))
