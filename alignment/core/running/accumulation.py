"""The gradients of one update, in as many forward and backward passes as memory asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import torch

from alignment.core.methods.base import Method, Update
from alignment.core.running import sharding
from alignment.core.running.memory import Allowance, free, ran_out
from alignment.core.running.metering import Meter
from alignment.core.running.processes import Team, shares


class Accumulation:
    """Splits the units of an update into micro-batches, and adds up their gradients where the parameters hold them.

    Losses are sums divided by counts over the whole update, so how it is split changes no gradient but by rounding.
    """

    def __init__(self, method: Method[Any, Any, Any], *, micro_batch_tokens: int) -> None:
        self.method = method
        self.memory = Allowance("learning", "tokens", micro_batch_tokens)

    def gradients(self, update: Update[Any], *, here: Team) -> Meter:
        """Add the gradients of this process's share of an update; the metrics of the share.

        Raises:
            torch.OutOfMemoryError: one unit is too much, or nothing may be halved.
        """
        if sharding.in_use():
            return self._in_step(update, here)
        units = shares(update.units, weight=self._weight, parts=here.size)[here.rank]
        while True:
            parts = self._micro_batches(units)
            try:
                return self._backward([(part, True) for part in parts], update.counts)
            except RuntimeError as error:
                if not ran_out(error):
                    raise
                used, smallest = max(map(self.method.size, parts)), max(map(self._weight, units))
                self.memory.halve(used=used, smallest=smallest, error=error)
            self._forget()
            free()

    def _in_step(self, update: Update[Any], here: Team) -> Meter:
        """With as many passes as every other process makes; nothing is halved."""
        parts = sharding.in_step(update.units, here=here, weight=self._weight, batches=self._micro_batches)
        try:
            return self._backward(parts, update.counts)
        except RuntimeError as error:
            if not ran_out(error):
                raise
            raise torch.OutOfMemoryError(
                f"{self.method.name} ran out of memory with micro_batch_tokens {self.memory.amount}, and a sharded "
                "model can't halve it under way; lower it"
            ) from error

    def _backward(self, parts: Sequence[tuple[Sequence[Any], bool]], counts: Mapping[str, float]) -> Meter:
        """Gradients of all parts together and the metrics of those that count."""
        meter = Meter()
        for units, counted in parts:
            with closing(self.method.losses(units)) as losses:  # type: ignore[type-var]  # a generator
                for loss in losses:
                    # Of a part that the batch says nothing about the total and the count are 0.
                    mine = {name: total / (counts[name] or 1) for name, total in loss.totals.items()}
                    torch.autograd.backward(torch.stack(list(mine.values())).sum() * (1.0 if counted else 0.0))
                    if counted:
                        meter.add_parts(mine)
                        meter.add_means(loss.metrics)
        return meter

    def _micro_batches(self, units: Sequence[Any]) -> list[Sequence[Any]]:
        """Neighbours in size together, as many as the memory allows, one at least."""
        if not units or self.method.size(units) <= self.memory.amount:
            return [units] if units else []
        batches: list[list[Any]] = [[]]
        for unit in sorted(units, key=self._weight):
            if batches[-1] and self.method.size([*batches[-1], unit]) > self.memory.amount:
                batches.append([])
            batches[-1].append(unit)
        return list(batches)

    def _weight(self, unit: Any) -> int:
        return self.method.size([unit])

    def _forget(self) -> None:
        """The gradients of the passes before the one that failed: all are made again."""
        for group in self.method.parameter_groups():
            for parameter in group.parameters:
                parameter.grad = None
