"""The losses of the direct family on scores of a policy, and what each of them can learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alignment.core.config import DirectConfig
from alignment.core.likelihoods import (
    apo_zero,
    best_of,
    bradley_terry,
    davidson,
    hinge,
    ipo,
    kto,
    rao_kupper,
    sppo_hard,
)
from alignment.core.methods.judged import Judged, comparison_mass, comparisons_of, picks_of, rankings_of, win_mass
from alignment.core.methods.ties import ranking_loss
from alignment.core.records import Judgement
from alignment.core.scores import average, implicit, log_odds
from alignment.core.text import Encoded

REFERENCE_FREE = ("simpo", "orpo")
"""Losses that need no reference policy."""


@dataclass(frozen=True)
class Scored:
    """Log-probabilities of N completions in nats.

    Attributes:
        logprobs: by token under the policy, with gradient, (N, L).
        mask: which of them are real, (N, L).
        reference: by token under the reference policy, (N, L); zeros when the loss needs none.
    """

    logprobs: Tensor
    mask: Tensor
    reference: Tensor

    def log_ratio(self) -> Tensor:
        """log pi(y|x) - log pi_ref(y|x), nats, (N,)."""
        return implicit(self.logprobs, self.reference, self.mask, beta=1.0)


def mass_of(config: DirectConfig, judgement: Judgement) -> float:
    """What the judgement weighs in the loss; 0 when it says nothing to it."""
    match config.loss:
        case "tie_dpo" | "tie_dpo_rk":
            return comparison_mass(judgement)
        case "listwise":
            return judgement.weight * bool(judgement.ranks and len(judgement.ranks) > 1)
        case "best_of":
            return judgement.weight * (judgement.best is not None)
        case "kto":
            return judgement.weight * len(desirable_of(judgement, good_rating=config.good_rating))
    return win_mass(judgement)


def chosen_of(judgement: Judgement) -> list[int]:
    """The completions put first: the pick of the best, or all with the best rank unless all are tied."""
    if judgement.best is not None:
        return [judgement.best]
    ranks = judgement.ranks or ()
    return [k for k, rank in enumerate(ranks) if rank == min(ranks)] if len(set(ranks)) > 1 else []


@dataclass(frozen=True)
class Chosen:
    """A completion whose likelihood is raised.

    Attributes:
        number: its place among the completions of all units.
        weight: the judgement's, shared out among its chosen ones.
    """

    number: int
    encoded: Encoded
    weight: float

    def whole(self) -> Encoded:
        """The prompt and the completion as what is predicted, from the second token on."""
        prompt = self.encoded.prompt_ids
        return Encoded(prompt[:1], (*prompt[1:], *self.encoded.completion_ids))

    def mass(self, config: DirectConfig) -> float:
        """What it weighs in the mean of the likelihoods."""
        if config.nll_average == "completion":
            return self.weight
        of_prompt = len(self.encoded.prompt_ids) - 1 if config.nll_tokens == "prompt_and_completion" else 0
        return self.weight * (of_prompt + len(self.encoded.completion_ids))


def all_chosen(units: Sequence[Judged]) -> list[Chosen]:
    """The chosen completions of all units; none of a judgement in which all are tied."""
    found: list[Chosen] = []
    start = 0
    for unit in units:
        picked = chosen_of(unit.judgement)
        weight = unit.judgement.weight / max(len(picked), 1)
        found += [Chosen(number=start + k, encoded=unit.encoded[k], weight=weight) for k in picked]
        start += len(unit.encoded)
    return found


def desirable_of(judgement: Judgement, *, good_rating: int) -> dict[int, bool]:
    """Which completions are good and which bad, by rating; without ratings the first-ranked and the last-ranked."""
    if judgement.ratings is not None:
        return {k: rating >= good_rating for k, rating in enumerate(judgement.ratings) if rating is not None}
    ranks = judgement.ranks or ()
    if len(set(ranks)) < 2:
        return {}
    return {k: rank == min(ranks) for k, rank in enumerate(ranks) if rank in (min(ranks), max(ranks))}


def preference_loss(
    config: DirectConfig, scored: Scored, units: Sequence[Judged], *, tie_share: float, kl: float = 0.0
) -> Tensor:
    """The weighted sum of the loss over what the judgements say; divided by the sum of `mass_of` it is the mean.

    Args:
        tie_share: P(tie) of two completions with equal scores, for the losses with ties.
        kl: KTO's reference point, nats.
    """
    device = scored.logprobs.device
    match config.loss:
        case "listwise":
            ranked = rankings_of(units, device=device)
            kind, logit = config.ranking_ties, torch.logit(torch.tensor(tie_share, device=device))
            scores = _scores(config, scored)[ranked.index]
            return (ranked.weight * ranking_loss(scores, ranked.label, ranked.mask, kind=kind, logit=logit)).sum()
        case "best_of":
            picked = picks_of(units, device=device)
            return (picked.weight * best_of(_scores(config, scored)[picked.index], picked.label, picked.mask)).sum()
        case "kto":
            return _kto_loss(config, scored, units, kl=kl)
    pairs = comparisons_of(units, device=device)
    if not config.loss.startswith("tie_dpo"):
        pairs = pairs.winners_first()
    scores = _scores(config, scored)
    first, second = scores[pairs.first], scores[pairs.second]  # (P,)
    if config.loss == "apo_zero":
        return (pairs.weight * apo_zero(first, second)).sum()
    if config.loss == "sppo_hard":
        return (pairs.weight * sppo_hard(first, second, beta=config.beta)).sum()
    return (pairs.weight * _pair_loss(config, first - second, pairs.outcome, tie_share=tie_share)).sum()


def _scores(config: DirectConfig, scored: Scored) -> Tensor:
    """The score of each completion, (N,), that goes with the likelihood of the loss."""
    if config.loss == "simpo":
        return average(scored.logprobs, scored.mask, beta=config.beta)
    if config.loss == "orpo":
        return log_odds(scored.logprobs, scored.mask)
    if config.loss in ("ipo", "sppo_hard"):  # their likelihoods take the log-ratio itself
        by_token = config.average and config.loss == "ipo"
        return implicit(scored.logprobs, scored.reference, scored.mask, beta=1.0, average=by_token)
    return implicit(scored.logprobs, scored.reference, scored.mask, beta=config.beta)


def _pair_loss(config: DirectConfig, difference: Tensor, outcome: Tensor, *, tie_share: float) -> Tensor:
    match config.loss:
        case "cdpo" | "robust":
            return bradley_terry(difference, smoothing=config.label_smoothing, robust=config.loss == "robust")
        case "ipo":
            return ipo(difference, beta=config.beta)
        case "hinge":
            return hinge(difference)
        case "simpo":
            return bradley_terry(difference, margin=config.margin)
        case "orpo":
            return config.beta * bradley_terry(difference)
        case "tie_dpo":  # P(tie | 0) = nu / (1 + nu)
            return davidson(difference, outcome, nu=tie_share / (1 - tie_share))
        case "tie_dpo_rk":  # P(tie | 0) = (theta - 1) / (theta + 1)
            alpha = torch.log(torch.tensor((1 + tie_share) / (1 - tie_share)))
            return rao_kupper(difference, outcome, alpha=float(alpha))
    return bradley_terry(difference)


def _kto_loss(config: DirectConfig, scored: Scored, units: Sequence[Judged], *, kl: float) -> Tensor:
    index, good, weight = [], [], []
    start = 0
    for unit in units:
        for k, desirable in desirable_of(unit.judgement, good_rating=config.good_rating).items():
            index.append(start + k)
            good.append(desirable)
            weight.append(unit.judgement.weight)
        start += len(unit.judgement.completions)
    device = scored.logprobs.device
    each = kto(
        scored.log_ratio()[torch.tensor(index, device=device)],
        torch.tensor(good, device=device),
        kl,
        beta=config.beta,
        desirable_weight=config.desirable_weight,
        undesirable_weight=config.undesirable_weight,
    )
    return (torch.tensor(weight, device=device) * each).sum()
