"""Comparisons and rankings with ties: the likelihood of what was said, with P(tie) of two equals as its one parameter.

The parameter is a logit, so that it can be learned: P(tie | d = 0) = sigmoid(logit), -inf where there are no ties.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from alignment.core.likelihoods import bradley_terry, davidson, davidson_luce, plackett_luce, rao_kupper
from alignment.core.methods.judged import Comparisons
from alignment.core.records import Judgement

LEAST_TIE_SHARE = 0.01
"""Where learning of the tie share starts when the data has no ties: at 0 its gradient would be 0."""


def starting_logit(judgements: Sequence[Judgement], *, share: float | None, learned: bool) -> Tensor:
    """The logit of ``share``, or of the share of ties in the data when it is None; a scalar."""
    if share is None:
        pairs = [pair for judgement in judgements for pair in judgement.comparisons()]
        share = sum(pair.outcome == 0 for pair in pairs) / max(len(pairs), 1)
    return torch.logit(torch.tensor(min(max(share, LEAST_TIE_SHARE if learned else 0.0), 0.99)))


def without_impossible_ties(pairs: Comparisons, *, kind: str, logit: Tensor) -> Comparisons:
    """The comparisons that the likelihood can explain: all of them, or the decided ones, winners first."""
    return pairs if _ties_are_possible(kind, logit) else pairs.winners_first()


def outcome_loss(difference: Tensor, outcome: Tensor, *, kind: str, logit: Tensor) -> Tensor:
    """Negative log-likelihood of what was said about two completions, nats, (P,).

    Args:
        difference: of the first's score from the second's, nats, (P,).
        outcome: 1 the first won, 0 a tie, -1 the second won, (P,).
        kind: `davidson`, `rao_kupper`, or `drop` (Bradley-Terry).
        logit: of P(tie | d = 0).
    """
    if not _ties_are_possible(kind, logit):
        return bradley_terry(difference * outcome)
    if kind == "davidson":
        return davidson(difference, outcome, nu=logit.exp())  # P(tie | 0) = nu / (1 + nu)
    # P(tie | 0) = (theta - 1) / (theta + 1) = sigmoid(logit), theta = 1 + 2 e^logit
    return rao_kupper(difference, outcome, alpha=torch.log1p(2 * logit.exp()))


def ranking_loss(scores: Tensor, ranks: Tensor, mask: Tensor, *, kind: str, logit: Tensor) -> Tensor:
    """Negative log-likelihood of whole rankings, nats, (N,).

    Args:
        scores: nats, (N, K).
        ranks: 1 is best, equal ones are ties, (N, K).
        kind: `davidson_luce`, or `average` over the orders that break the ties, as always where P(tie) is 0.
        logit: of P(tie | d = 0) of two completions.
    """
    if kind == "average" or not bool(torch.isfinite(logit)):
        return plackett_luce(scores, ranks, mask)
    return davidson_luce(scores, ranks, mask, nu=logit.exp())  # P(tie | 0) = nu / (1 + nu)


def expected_outcome(difference: Tensor, *, kind: str, logit: Tensor) -> Tensor:
    """P(first wins) + P(tie) / 2, (P,): what the first gets of one comparison when a tie is half a win.

    It and that of the two in the other order add up to 1; sigmoid(d) where there are no ties.
    """
    won = torch.ones_like(difference)
    win, loss = (torch.exp(-outcome_loss(difference, side, kind=kind, logit=logit)) for side in (won, -won))
    return (1 + win - loss) / 2


def _ties_are_possible(kind: str, logit: Tensor) -> bool:
    return kind != "drop" and bool(torch.isfinite(logit))
