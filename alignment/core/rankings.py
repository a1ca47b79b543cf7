"""Likelihoods of judgements on all K completions of a prompt at once: whole rankings, the best of K, centring."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from alignment.core.checks import describe, per_example, require_group, require_possible_ties

MAX_RANKED = 12
"""Most completions of one ranking: what it says of ties looks at all 2^K subsets."""


def plackett_luce(scores: Tensor, ranks: Tensor, mask: Tensor) -> Tensor:
    """Negative log-likelihood of a whole ranking (Luce, 1959; Plackett, 1975), ties by averaging over their orders.

    strict order:  L = -sum_i [s_(i) - logsumexp_{j >= i} s_(j)],   (i) = the completion in place i, best first
    weak order:    L = mean of the strict L over all orders that break the ties

    The mean is Kalbfleisch and Prentice's (1973) averaging over the orders of tied items, taken of log-likelihoods:
    the cross-entropy to the uniform distribution over the strict orders that the weak order allows, that is, breaking
    ties at random without its noise. It is computed exactly: a set of completions that are all still unplaced at some
    moment counts with the share of orders in which that happens, 1/C(m, l) for l left of a tied group of m. Averaging
    the probabilities instead would make the tie of two completions certain, so that nothing is learnt from it. A tied
    pair costs what `bradley_terry` with smoothing 0.5 costs: least, ln 2, at equal scores.

    Args:
        scores: nats, (N, K) with K at most 12.
        ranks: integers, 1 is best, equal ranks are ties, only their order matters, (N, K).
        mask: bool, (N, K); a ranking of one completion (or none) has loss 0.

    Returns:
        Loss in nats, summed over places, (N,): `bradley_terry` when K is 2; ln K! at equal scores.

    Raises:
        ValueError: shapes differ, ranks below 1 or not integers, mask isn't bool, K above 12.
    """
    _require_ranking(scores, ranks, mask)
    scores = torch.where(mask, scores, 0.0)
    share, placed_next = _stages(ranks, mask, dtype=scores.dtype)  # (N, 2^K), (N, 2^K, K)
    placed = torch.einsum("nuk,nk->nu", placed_next, scores)  # (N, 2^K)
    # The empty set has log-sum -inf and share 0: leave it out before it meets the product.
    terms = share[:, 1:] * (_subset_logsumexp(scores)[:, 1:] - placed[:, 1:])
    return terms.sum(dim=1)


def davidson_luce(scores: Tensor, ranks: Tensor, mask: Tensor, *, nu: float | Tensor) -> Tensor:
    """Negative log-likelihood of a weak order whose ties are outcomes of their own (Firth, Kosmidis and Turner, 2019).

    A ranking is a series of choices out of the completions A that are not placed yet, several at once if they tie:

    P(S | A) = w(S) / sum_{T in A} w(T),   w(S) = delta_|S| exp(mean_{i in S} s_i),   delta_t = (2 nu)^{t-1}

    where T goes over all sets but the empty one. The paper has a free delta for each t; here one parameter is that of
    `davidson`, to which this comes down for two completions. Unlike in `plackett_luce`, ties have a probability: those
    of all weak orders add up to 1, and nu can be learnt.

    Args:
        scores: nats, (N, K) with K at most 12.
        ranks: integers, 1 is best, equal ranks are ties, only their order matters, (N, K).
        mask: bool, (N, K); a ranking of one completion (or none) has loss 0.
        nu: propensity to tie, above 0 (0 is Plackett-Luce and takes no ties); a number, (), or (N,); may be learnt.

    Returns:
        Loss in nats, summed over choices, (N,).

    Raises:
        ValueError: shapes differ, ranks below 1 or not integers, mask isn't bool, K above 12, nu is negative, or 0
            where there is a tie.
    """
    _require_ranking(scores, ranks, mask)
    nu = per_example("nu", nu, scores.sum(dim=1), low=0.0)
    scores = torch.where(mask, scores, 0.0)
    equal = (ranks[:, :, None] == ranks[:, None]) & mask[:, :, None] & mask[:, None]  # (N, K, K)
    require_possible_ties("nu", nu, equal.sum(dim=(1, 2)) > mask.sum(dim=1))
    left = (ranks[:, :, None] <= ranks[:, None]) & mask[:, None]  # what is not placed when k is chosen
    chosen_once = mask & (equal.int().argmax(dim=2) == torch.arange(ranks.shape[1], device=ranks.device))  # (N, K)
    inside = _subsets(ranks.shape[1], device=ranks.device)[1:]  # (2^K - 1, K)
    size = inside.sum(dim=1)
    log_tie = torch.where(nu > 0, (2 * nu.clamp(min=torch.finfo(nu.dtype).tiny)).log(), -math.inf)
    log_delta = torch.where(size > 1, (size - 1) * log_tie[:, None], 0.0)  # (N, 2^K - 1)
    weight = log_delta + scores @ inside.to(scores.dtype).T / size
    outside = (inside[None, None] & ~left[:, :, None]).any(dim=3) & chosen_once[..., None]  # (N, K, 2^K - 1)
    total = weight[:, None].masked_fill(outside, -math.inf).logsumexp(dim=2)  # (N, K)
    group = (equal.int() << torch.arange(ranks.shape[1], device=ranks.device)).sum(dim=2) - 1
    chosen = weight.gather(1, group.clamp(min=0))
    return torch.where(chosen_once, total - chosen, 0.0).sum(dim=1)


def best_of(scores: Tensor, best: Tensor, mask: Tensor) -> Tensor:
    """Negative log-likelihood of picking one completion as best (Luce, 1959; Ziegler et al., 2019, eq. 1).

    L = logsumexp_k s_k - s_best

    Args:
        scores: nats, (N, K).
        best: index of the picked completion, integer, (N,).
        mask: bool, (N, K).

    Returns:
        Loss in nats, (N,); `bradley_terry` when K is 2.

    Raises:
        ValueError: shapes differ, best is out of range or points at a completion that the mask leaves out.
    """
    require_group(scores, mask)
    if best.shape != scores.shape[:1] or best.is_floating_point():
        raise ValueError(f"best is {describe(best)}, must be integers of shape {tuple(scores.shape[:1])}")
    in_range = (best >= 0) & (best < scores.shape[1])
    if not bool(in_range.all()):
        raise ValueError(f"best holds {int(best[~in_range][0])}, there are {scores.shape[1]} completions")
    picked = best[:, None].long()
    if not bool(mask.gather(1, picked).all()):
        row = int((~mask.gather(1, picked)[:, 0]).nonzero()[0])
        raise ValueError(f"best holds {int(best[row])} in row {row}, where the mask leaves that completion out")
    return -torch.log_softmax(scores.masked_fill(~mask, -math.inf), dim=1).gather(1, picked)[:, 0]


def center(scores: Tensor, mask: Tensor) -> Tensor:
    """Penalty that keeps rewards around 0: the mean of (s_i + s_j)^2 over the pairs of a prompt.

    Comparisons leave the sum of rewards free; this fixes it (Eisenstein et al., 2023, eq. 2, there for K = 2).

    Args:
        scores: nats, (N, K).
        mask: bool, (N, K).

    Returns:
        Nats squared, (N,), to be multiplied by a coefficient such as 0.01; 0 where fewer than two completions count.

    Raises:
        ValueError: shapes differ or mask isn't bool.
    """
    require_group(scores, mask)
    scores = torch.where(mask, scores, 0.0)
    count = mask.sum(dim=1)
    # sum_{i<j} (s_i + s_j)^2 = (K - 2) sum s^2 + (sum s)^2
    total = (count - 2) * scores.square().sum(dim=1) + scores.sum(dim=1).square()
    return torch.where(count > 1, total / (count * (count - 1) / 2).clamp(min=1), 0.0)


def _require_ranking(scores: Tensor, ranks: Tensor, mask: Tensor) -> None:
    require_group(scores, mask)
    if ranks.shape != scores.shape or ranks.is_floating_point() or ranks.is_complex():
        raise ValueError(f"ranks is {describe(ranks)}, must be integers of shape {tuple(scores.shape)}")
    if bool((mask & (ranks < 1)).any()):
        raise ValueError(f"ranks holds {int(ranks[mask].min())}, the best rank is 1")
    if scores.shape[1] > MAX_RANKED:
        raise ValueError(f"scores is {tuple(scores.shape)}: at most {MAX_RANKED} completions can be ranked at once")


def _subsets(num: int, *, device: torch.device) -> Tensor:
    """Which completions each subset holds, bool, (2^K, K): subset b holds completion k when bit k of b is set."""
    bits = torch.arange(2**num, device=device)[:, None] >> torch.arange(num, device=device)
    return (bits & 1).bool()


def _subset_logsumexp(scores: Tensor) -> Tensor:
    """logsumexp of every subset of the scores, (N, 2^K), in the order of `_subsets`."""
    sums = scores.new_full((len(scores), 1), -math.inf)
    for k in range(scores.shape[1]):
        sums = torch.cat([sums, torch.logaddexp(sums, scores[:, k : k + 1])], dim=1)
    return sums


def _stages(ranks: Tensor, mask: Tensor, *, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The moments at which one more completion is placed, over all strict orders that the ranks allow.

    Returns:
        The share of those orders in which a subset is exactly what is still unplaced, (N, 2^K), and the probability
        of each completion to be placed next out of it, (N, 2^K, K).
    """
    num = ranks.shape[1]
    inside = _subsets(num, device=ranks.device)[None]  # (1, 2^K, K)
    worst = torch.iinfo(torch.long).max
    ranks = torch.where(mask, ranks.long(), worst)[:, None]  # (N, 1, K)
    counts = mask[:, None]
    next_rank = torch.where(inside, ranks, worst).amin(dim=2, keepdim=True)  # (N, 2^K, 1)
    tied = (ranks == next_rank) & counts
    # What is unplaced is everything ranked below the group that is being placed, and a part of that group.
    fits = ((~inside | counts) & (inside | ~((ranks > next_rank) & counts))).all(dim=2)
    size, left = tied.sum(dim=2), (tied & inside).sum(dim=2)  # (N, 2^K)
    ways = [[math.comb(m, chosen) for chosen in range(num + 1)] for m in range(num + 1)]
    choose = torch.tensor(ways, device=ranks.device, dtype=dtype)
    share = torch.where(fits & (left > 0), 1 / choose[size, left].clamp(min=1), 0.0)
    return share, (tied & inside).to(dtype) / left.clamp(min=1)[..., None]
