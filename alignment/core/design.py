"""What comparisons would teach a linear reward: the posterior of its weights, kept by rank-1 updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Design:
    """A^-1 of a D-optimal design, A = prior + sum of w x x' over comparisons; x is a difference of features.

    The logarithm of det A grows by log(1 + w x' A^-1 x) with each comparison; A^-1 changes by
    - w (A^-1 x)(A^-1 x)' / (1 + w x' A^-1 x) (Sherman and Morrison, 1950).
    """

    inverse: Tensor

    @classmethod
    def prior(cls, size: int, *, precision: float = 1.0) -> Self:
        """Before any comparison: A = precision * I, (size, size)."""
        return cls(torch.eye(size, dtype=torch.float64) / precision)

    def observe(self, difference: Tensor, weight: float) -> tuple[Self, float]:
        """What is known after one comparison, and how much log det A grew by it.

        Args:
            difference: of the features, (d,).
            weight: p (1 - p).
        """
        along = self.inverse @ difference
        grown = 1 + weight * float(difference @ along)
        return type(self)(self.inverse - (weight / grown) * torch.outer(along, along)), float(torch.tensor(grown).log())

    def after(self, features: Tensor, weights: Tensor, chosen: Sequence[int]) -> Self:
        """What is known when all comparisons between the chosen are made."""
        known = self
        for i, j in combinations(chosen, 2):
            known, _ = known.observe(features[i] - features[j], float(weights[i, j]))
        return known

    def pair_gains(self, features: Tensor, weights: Tensor) -> Tensor:
        """What log det A grows by with each comparison alone, (K, K); batches of prompts in front are fine.

        Args:
            features: (..., K, d).
            weights: p (1 - p) of each pair, (..., K, K).
        """
        products = features @ self.inverse @ features.transpose(-1, -2)
        squares = products.diagonal(dim1=-2, dim2=-1)
        spread = squares[..., :, None] + squares[..., None, :] - products - products.transpose(-1, -2)
        return torch.log1p(weights * spread.clamp(min=0))

    def gains_of_adding(self, features: Tensor, weights: Tensor, chosen: Sequence[int]) -> Tensor:
        """What log det A grows by with a candidate's comparisons with all chosen, theirs being made, (K,).

        `self` is what is known after the comparisons between the chosen. log det(I + W X A^-1 X') of the |chosen|
        differences X at once.
        """
        gains = features.new_zeros(len(features))
        for candidate in range(len(features)):
            if candidate in chosen:
                continue
            differences = features[candidate] - features[list(chosen)]
            root = weights[candidate, list(chosen)].sqrt()
            inner = root[:, None] * (differences @ self.inverse @ differences.T) * root[None]
            gains[candidate] = torch.logdet(torch.eye(len(chosen), dtype=inner.dtype) + inner)
        return gains
