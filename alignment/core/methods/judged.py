"""Judgements as tensors: the completions of several prompts in one batch, and what people said about them.

G judgements, N completions of all of them one after the other, K the most that one has, P comparisons, R ratings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.methods import forward
from alignment.core.methods.base import Mean
from alignment.core.methods.forward import lay_out
from alignment.core.records import Comparison, Judgement
from alignment.core.text import Batch, Encoded, Template


@dataclass(frozen=True)
class Judged:
    """A judgement and its completions as token ids."""

    judgement: Judgement
    encoded: tuple[Encoded, ...]


@dataclass(frozen=True)
class Comparisons:
    """P comparisons by index into the N completions.

    Attributes:
        first, second: long, (P,).
        outcome: 1 the first won, 0 a tie, -1 the second won, (P,).
        weight: 1/C(K,2) times the judgement's weight, (P,).
        gap: difference of the ranks as a share of K - 1, from 0 for ties to 1 for first against last, (P,).
    """

    first: Tensor
    second: Tensor
    outcome: Tensor
    weight: Tensor
    gap: Tensor

    def winners_first(self) -> Comparisons:
        """The same comparisons without the ties, each with its winner first."""
        won = self.outcome != 0
        swap = (self.outcome < 0)[won]
        first, second = self.first[won], self.second[won]
        return Comparisons(
            first=torch.where(swap, second, first),
            second=torch.where(swap, first, second),
            outcome=torch.ones_like(first),
            weight=self.weight[won],
            gap=self.gap[won],
        )


@dataclass(frozen=True)
class Groups:
    """Completions by judgement: ``index`` (G, K) into the N completions, ``mask`` (G, K), ``weight`` (G,).

    ``label`` is what was said: ranks (G, K), or the picked completion (G,).
    """

    index: Tensor
    mask: Tensor
    label: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Ratings:
    """R ratings: ``index`` into the N completions, ``rating`` 1-7, ``weight`` (1 over the judgement's ratings)."""

    index: Tensor
    rating: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Said:
    """All that was said about the completions of several judgements."""

    pairs: Comparisons
    ranked: Groups
    picked: Groups
    rated: Ratings


def said_of(units: Sequence[Judged], *, device: torch.device | str) -> Said:
    """Comparisons, whole rankings, picks and ratings of the judgements, on a device."""
    return Said(
        pairs=comparisons_of(units, device=device),
        ranked=rankings_of(units, device=device),
        picked=picks_of(units, device=device),
        rated=ratings_of(units, device=device),
    )


def encode_judgements(
    judgements: Sequence[Judgement], *, template: Template, mass: Callable[[Judgement], float]
) -> list[Judged]:
    """Encode the judgements that have any mass, that is, that say something to the loss at hand."""
    return [
        Judged(judgement=judgement, encoded=tuple(template.encode(judgement.prompt, judgement.completions)))
        for judgement in judgements
        if mass(judgement) > 0
    ]


def batch_of(units: Sequence[Judged], *, backbone: Backbone) -> Batch:
    """All completions of the judgements in one batch, each prompt computed once."""
    return lay_out(backbone, [each for unit in units for each in unit.encoded])


def num_tokens(units: Sequence[Judged]) -> int:
    """Tokens of the batch: a prompt once, and its completions."""
    return forward.num_tokens([each for unit in units for each in unit.encoded])


def win_mass(judgement: Judgement) -> float:
    """Weight of the comparisons that are no ties."""
    return sum(pair.weight for pair in judgement.comparisons() if pair.outcome)


def comparison_mass(judgement: Judgement) -> float:
    """Weight of all comparisons, ties too: the judgement's weight, or 0 when nothing was ranked."""
    return sum(pair.weight for pair in judgement.comparisons())


def agreement(lead: Tensor) -> dict[str, Mean]:
    """How often, equal scores counted half, and by how much the winners' scores lead those of the losers, (P,)."""
    right = (lead > 0).float() + 0.5 * (lead == 0).float()
    return {"accuracy": (right.sum(), len(right)), "margin": (lead.sum(), len(right))}


def comparisons_of(units: Sequence[Judged], *, device: torch.device | str) -> Comparisons:
    """All comparisons of the judgements."""
    pairs: list[tuple[int, int, Comparison, float]] = []
    start = 0
    for unit in units:
        judgement = unit.judgement
        widest = max(len(judgement.completions) - 1, 1)
        for pair in judgement.comparisons():
            ranks = judgement.ranks or ()
            gap = abs(ranks[pair.first] - ranks[pair.second]) / widest
            pairs.append((start + pair.first, start + pair.second, pair, gap))
        start += len(judgement.completions)
    whole = torch.tensor([[i, j, pair.outcome] for i, j, pair, _ in pairs], dtype=torch.long).reshape(-1, 3)
    real = torch.tensor([[pair.weight, gap] for _, _, pair, gap in pairs], dtype=torch.float32).reshape(-1, 2)
    first, second, outcome = whole.to(device).unbind(1)
    weight, gap_of = real.to(device).unbind(1)
    return Comparisons(first=first, second=second, outcome=outcome, weight=weight, gap=gap_of)


def rankings_of(units: Sequence[Judged], *, device: torch.device | str) -> Groups:
    """The judgements with ranks; ``label`` (G, K) holds the ranks, 1 behind the mask."""
    return _groups(units, device=device, said=lambda judgement: judgement.ranks)


def picks_of(units: Sequence[Judged], *, device: torch.device | str) -> Groups:
    """The judgements with a pick of the best; ``label`` (G,) holds it."""
    groups = _groups(units, device=device, said=lambda judgement: None if judgement.best is None else (judgement.best,))
    return Groups(index=groups.index, mask=groups.mask, label=groups.label[:, 0], weight=groups.weight)


def ratings_of(units: Sequence[Judged], *, device: torch.device | str) -> Ratings:
    """All ratings, each with 1 over their number in its judgement, so that a judgement counts once."""
    rows: list[tuple[int, int, float]] = []
    start = 0
    for unit in units:
        rated = [(k, rating) for k, rating in enumerate(unit.judgement.ratings or ()) if rating is not None]
        rows += [(start + k, rating, unit.judgement.weight / len(rated)) for k, rating in rated]
        start += len(unit.judgement.completions)
    whole = torch.tensor([[index, rating] for index, rating, _ in rows], dtype=torch.long).reshape(-1, 2)
    weight = torch.tensor([weight for _, _, weight in rows], dtype=torch.float32)
    return Ratings(index=whole[:, 0].to(device), rating=whole[:, 1].to(device), weight=weight.to(device))


def _groups(
    units: Sequence[Judged], *, device: torch.device | str, said: Callable[[Judgement], tuple[int, ...] | None]
) -> Groups:
    widest = max((len(unit.judgement.completions) for unit in units), default=1)
    index, mask, labels, weight = [], [], [], []
    start = 0
    for unit in units:
        count = len(unit.judgement.completions)
        label = said(unit.judgement)
        if label is not None:
            index.append([start + k if k < count else 0 for k in range(widest)])
            mask.append([k < count for k in range(widest)])
            labels.append([*label, *[1] * (widest - len(label))])
            weight.append(unit.judgement.weight)
        start += count
    return Groups(
        index=torch.tensor(index, dtype=torch.long).reshape(-1, widest).to(device),
        mask=torch.tensor(mask, dtype=torch.bool).reshape(-1, widest).to(device),
        label=torch.tensor(labels, dtype=torch.long).reshape(-1, widest).to(device),
        weight=torch.tensor(weight, dtype=torch.float32).to(device),
    )
