"""Metrics that add up over micro-batches and updates."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from alignment.core.methods.base import Mean


class Meter:
    """Sums and counts by name; tensors stay on their device until the means are asked for."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor | float] = {}
        self.counts: dict[str, float] = {}

    def _add(self, name: str, total: Tensor | float, count: float) -> None:
        self.sums[name] = self.sums.get(name, 0.0) + (total.detach() if isinstance(total, Tensor) else total)
        self.counts[name] = self.counts.get(name, 0.0) + count

    def add_parts(self, parts: Mapping[str, Tensor]) -> None:
        """The shares of one micro-batch in the losses of an update: they add up, so nothing divides them again."""
        for name, share in parts.items():
            self._add(name if name == "loss" else f"loss/{name}", share, 0.0)

    def add_means(self, metrics: Mapping[str, Mean]) -> None:
        """Sums and counts of one micro-batch."""
        for name, (total, count) in metrics.items():
            self._add(name, total, count)

    def add_values(self, values: Mapping[str, float]) -> None:
        """Values that are averaged over the updates of a step."""
        for name, value in values.items():
            self._add(name, value, 1.0)

    def take_in(self, other: Meter) -> None:
        """Add what another process counted of the same update."""
        for name, total in other.sums.items():
            self._add(name, total, other.counts[name])

    def __getstate__(self) -> dict[str, dict[str, float]]:
        """Sent to another process as plain numbers."""
        return {"sums": {name: float(total) for name, total in self.sums.items()}, "counts": self.counts}

    def merge(self, other: Meter, *, also: Mapping[str, str]) -> None:
        """Take in the metrics of an update, and some once more under another name."""
        for name, total in other.sums.items():
            count = 1.0 if _is_loss(name) else other.counts[name]
            self._add(name, total, count)
            if name in also:
                self._add(also[name], total, count)

    def means(self) -> dict[str, float]:
        """The mean of each metric that anything was counted for, by name, as plain numbers.

        `loss` is the sum of the parts when none is called so.
        """
        means = {
            name: float(total) / (self.counts[name] or 1.0)
            for name, total in self.sums.items()
            if self.counts[name] or _is_loss(name)
        }
        if "loss" not in means:
            means["loss"] = sum(value for name, value in means.items() if name.startswith("loss/"))
        return means


def _is_loss(name: str) -> bool:
    return name == "loss" or name.startswith("loss/")
