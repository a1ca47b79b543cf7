"""What the trainer asks of a method. A method only says what is learned from; the trainer says how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.records import Message

Data = TypeVar("Data", contravariant=True)
Example = TypeVar("Example")
Unit = TypeVar("Unit")

Mean = tuple[Tensor | float, float]
"""A metric as (sum, count), so that micro-batches add up to the mean of the whole batch."""


@dataclass(frozen=True)
class Loss:
    """What one backward pass goes through: sums over some examples.

    Attributes:
        totals: scalars with a gradient by part; each is divided by the entry of that name in `Update.counts`, which
            counts over the whole update. The part called "loss" is what a progress bar shows.
        metrics: detached (sum, count) by name.
    """

    totals: Mapping[str, Tensor]
    metrics: Mapping[str, Mean] = field(default_factory=dict)


@dataclass(frozen=True)
class Update(Generic[Unit]):
    """What one step of the optimizer learns from.

    Attributes:
        units: split into micro-batches by the trainer.
        counts: what the losses of each part are divided by, over all units.
        metrics: numbers known before learning (of rollouts, say).
        also: names under which metrics of this update are reported once more, by their own names.
    """

    units: Sequence[Unit]
    counts: Mapping[str, float]
    metrics: Mapping[str, float] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a role (gradients are clipped by role) and a learning rate."""

    role: str
    parameters: Sequence[torch.nn.Parameter]
    lr_factor: float = 1.0


class Method(Protocol[Data, Example, Unit]):
    """One way to learn, from `Data` records, in `Example`s, by `Unit`s (rollouts, or the examples themselves)."""

    name: str

    def settings(self) -> dict[str, Any]:
        """What the result depends on, as JSON values; a resumed run must have the same."""

    def examples(self, data: Sequence[Data]) -> list[Example]:
        """Encode the records, in order; one that says nothing to this method is left out."""

    def prepare(self, examples: Sequence[Example]) -> None:
        """Do once what the run needs of these examples, which are all that it will see."""

    def parameter_groups(self) -> list[ParameterGroup]:
        """What is trained, the same groups in the same order each time."""

    def updates(self, batch: Sequence[Example], *, generator: torch.Generator) -> Iterator[Update[Unit]]:
        """The optimizer steps of one batch; everything drawn comes from the generator (a CPU one)."""

    def size(self, units: Sequence[Unit]) -> int:
        """Tokens, padding included, of a forward pass over these units."""

    def losses(self, units: Sequence[Unit]) -> Iterator[Loss]:
        """The losses of a micro-batch. The trainer calls backward before it asks for the next one.

        So a generator may hold `with backbone.adapter(name)` open around a yield: forward and backward of one adapter
        stay inside it, which switching in between would break silently.
        """

    def state_dict(self) -> dict[str, Any]:
        """Everything that training changes."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""


def ensure_adapter(backbone: Backbone, name: str, *, seed: int) -> None:
    """Add the adapter unless the caller has loaded or copied it from an earlier version."""
    if name not in backbone.adapters:
        backbone.add_adapter(name, seed=seed)


def require_records(name: str, data: Sequence[object], kind: type) -> None:
    """That a method is given the records that it learns from.

    Raises:
        TypeError: one is something else; says which one, what it is, and what is learned from.
    """
    for number, record in enumerate(data):
        if not isinstance(record, kind):
            raise TypeError(_wrong(name, number, record, f"{kind.__name__} records (alignment.core.records)"))


def require_prompts(name: str, data: Sequence[object]) -> None:
    """That a method that writes for prompts is given prompts: tuples of messages.

    Raises:
        TypeError: see require_records.
    """
    for number, prompt in enumerate(data):
        if not isinstance(prompt, tuple) or not all(isinstance(message, Message) for message in prompt):
            raise TypeError(_wrong(name, number, prompt, "prompts, each a tuple of Message (alignment.core.records)"))


def _wrong(name: str, number: int, record: object, wanted: str) -> str:
    return f"{name} learns from {wanted}, and record {number} is a {type(record).__name__}: {record!r:.80}"
