"""Muon: momentum whose direction is made orthogonal, for the matrices inside a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration: steepest at 0, so that small singular values grow fast (Jordan et al., 2024)."""


class Muon(torch.optim.Optimizer):
    """Gradient steps of equal size in all directions of each matrix.

    momentum: m <- mu m + g;  u = g + mu m (Nesterov);  W <- (1 - lr decay) W - lr sqrt(max(1, rows/columns)) UV^T,
    where USV^T = u and UV^T comes from a Newton-Schulz iteration (Jordan et al., 2024, "Muon"). On a small model
    that sees its data a few times it needs about half the steps of AdamW. Not for embeddings, heads and vectors.

    Args:
        parameters: matrices, shape (rows, columns).
        lr: step size; the spectral norm of a step.
        momentum: mu, in [0, 1).
        weight_decay: decoupled, per unit of lr.
        iterations: of Newton-Schulz.

    Raises:
        ValueError: a parameter is no matrix.
    """

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        iterations: int = 5,
    ) -> None:
        parameters = list(parameters)
        for parameter in parameters:
            if parameter.ndim != 2:
                raise ValueError(f"Muon takes matrices only, one parameter has the shape {tuple(parameter.shape)}")
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "iterations": iterations}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # a closure would give a loss back
        """Move every matrix that has a gradient. There is no closure."""
        for group in self.param_groups:
            matrices = [parameter for parameter in group["params"] if parameter.grad is not None]
            # Matrices of one shape go through the iteration together: many small products cost more than a large one.
            for shape in {tuple(parameter.shape): None for parameter in matrices}:
                self._move([parameter for parameter in matrices if tuple(parameter.shape) == shape], group)

    def _move(self, matrices: Sequence[Tensor], group: dict[str, Any]) -> None:
        rows, columns = matrices[0].shape
        directions = torch.stack(
            [self._momentum(matrix, group["momentum"]) for matrix in matrices]
        )  # (n, rows, columns)
        orthogonal = orthogonalize(directions, iterations=group["iterations"])
        scale = max(1.0, rows / columns) ** 0.5
        for matrix, direction in zip(matrices, orthogonal, strict=True):
            matrix.mul_(1 - group["lr"] * group["weight_decay"])
            matrix.add_(direction, alpha=-group["lr"] * scale)

    def _momentum(self, matrix: Tensor, momentum: float) -> Tensor:
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        gradient = matrix.grad
        assert gradient is not None  # step() passes only those
        state["momentum"].mul_(momentum).add_(gradient)
        return gradient.add(state["momentum"], alpha=momentum)


def orthogonalize(matrices: Tensor, *, iterations: int = 5) -> Tensor:
    """The nearest matrices with singular values near 1 (0.7 to 1.2), by the quintic Newton-Schulz iteration.

    X <- aX + (bA + cA^2)X with A = XX^T, from X = M / |M|_F.

    Args:
        matrices: shape (n, rows, columns); a zero matrix stays zero.

    Returns:
        Same shape.
    """
    a, b, c = COEFFICIENTS
    wide = matrices if matrices.shape[-2] <= matrices.shape[-1] else matrices.mT  # the smaller product
    x = wide / (wide.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    result: Tensor = x if wide is matrices else x.mT
    return result
