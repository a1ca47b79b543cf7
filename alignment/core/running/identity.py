"""What makes two runs the same: method, settings and data; for resuming, and for processes that train together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alignment.core.config import TrainerConfig
from alignment.core.methods.base import Method
from alignment.core.running.processes import everywhere, team
from alignment.core.running.schedule import order_digest

_OF_NO_CONSEQUENCE = ("checkpoint_", "halve_", "micro_batch_")
"""Starts of the names of settings that the result does not depend on."""


def identity_of(method: Method[Any, Any, Any], data: Sequence[Any], config: TrainerConfig) -> dict[str, Any]:
    """All that the result of a run depends on, as JSON values."""
    return {
        "method": method.name,
        "settings": method.settings(),
        "trainer": {name: value for name, value in config.to_dict().items() if not name.startswith(_OF_NO_CONSEQUENCE)},
        "data": order_digest(data),
    }


def first_difference(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """The first thing in which two runs differ, as `settings.beta` or `data`, and what it is there and here."""
    for name, here in mine.items():
        there = theirs.get(name)
        if isinstance(here, dict) and isinstance(there, dict):
            if inner := first_difference(there, here):
                return f"{name}.{inner[0]}", *inner[1:]
        elif there != here:
            return name, there, here
    return None


def require_agreement(identity: Mapping[str, Any]) -> None:
    """Compare the run with those of the other processes.

    Raises:
        ValueError: another process was given another method, other data or other settings.
    """
    for rank, other in enumerate(everywhere(lambda: identity)):
        if differing := first_difference(other, identity):
            name, theirs, mine = differing
            raise ValueError(
                f"process {rank} was given another {name} than process {team().rank}: {theirs}, here {mine}; every "
                "process has to train the same"
            )
