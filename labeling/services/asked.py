"""What is asked about a prompt: which kind of judgement, about how many completions, and how they were chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from labeling.models import TURN_SOURCE, Kind, Project

C = TypeVar("C")
MOST_KINDS = (2, 9)
NUM_COMPLETIONS: dict[str, tuple[int, int]] = {
    Kind.RATING: (1, 9),
    Kind.PAIR: (2, 2),
    Kind.DEMONSTRATION: (0, 9),
    Kind.CONVERSATION: (0, 9),
}
"""Completions that an item of a kind asks about, or suggests, where it is not 2 to 9."""


class HowChosen(Protocol):
    """How an item was chosen; see models.Item."""

    @property
    def rule(self) -> str: ...
    @property
    def propensity(self) -> float: ...
    @property
    def random_propensity(self) -> float: ...
    @property
    def is_random(self) -> bool: ...


def groups_for(
    project: Project, *, digest: str, source: str, completions: Sequence[C], policy_version: int | None = None
) -> tuple[str, list[Sequence[C]]]:
    """The kind whose turn it is, and the completions in the groups it asks about; part of items_for and of imports."""
    kind = kind_for(project, digest=digest, source=source, policy_version=policy_version)
    if not kind:
        return "", []
    least, most = num_completions(kind)
    groups = [completions[start : start + most] for start in range(0, len(completions), most)]
    return kind, [group for group in groups if len(group) >= max(least, 1)]


def kind_for(project: Project, *, digest: str, source: str, policy_version: int | None = None) -> str:
    """The kind whose turn it is; empty when nothing is asked about such a prompt."""
    turn = int(digest[:8], 16) + (policy_version or 0)  # the same at every call, so that repeating adds nothing
    # A turn of a conversation is judged otherwise: a conversation of each of its turns would have no end.
    kinds = [kind for kind in project.kinds if kind != Kind.CONVERSATION or source != TURN_SOURCE]
    return kinds[turn % len(kinds)] if kinds else ""


def num_completions(kind: str) -> tuple[int, int]:
    """How many completions at least and at most an item of a kind asks about, or suggests."""
    return NUM_COMPLETIONS.get(kind, MOST_KINDS)


def columns_of(chosen: HowChosen | None) -> dict[str, Any]:
    """What is stored of it with an item; nothing of one that was chosen by no rule."""
    if chosen is None:
        return {}
    return {
        "rule": str(chosen.rule),
        "propensity": chosen.propensity,
        "random_propensity": chosen.random_propensity,
        "is_random": chosen.is_random,
    }
