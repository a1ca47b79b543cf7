"""What pages and the API show of asking: who writes, which rule is in force and why, what is open of it. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from alignment.asking.pool import Writer, num_candidates, pool
from alignment.models import LoopSettings
from alignment.selectors import current_reward_model, loop_settings
from labeling import exchange

MOST_SLOTS = 20_000
"""Open judgements are looked at to so many; a longer queue is said to have more."""


class Why(StrEnum):
    """Why the rule that is set is not the one in force."""

    NO_REWARD_MODEL = "no_reward_model"
    ONE_MEMBER = "one_member"


@dataclass(frozen=True)
class Asking:
    """How people are asked now.

    Attributes:
        rule: in force; random while the one that is set can't be followed, and then ``why`` says why.
        reward_model: number of the one whose members score; None before the first.
        writers: of a prompt's candidates, ``candidates`` in all; ``shown`` of them are chosen.
        open: items in the queue by rule and whether chance alone chose them; ``has_more`` when not all were counted.
        left: items that left the queue since they were out of date.
    """

    settings: LoopSettings
    rule: str
    why: Why | None
    reward_model: int | None
    members: int
    writers: list[Writer]
    candidates: int
    shown: int
    open: list[exchange.OpenItems]
    has_more: bool
    left: int


def asking_of(project: exchange.ProjectRecord) -> Asking:
    """A fixed number of queries, however long the queue is."""
    settings = loop_settings(project.id)
    model = current_reward_model(project.id)
    why = None
    if settings.rule != exchange.Rule.RANDOM:
        why = Why.NO_REWARD_MODEL if model is None else Why.ONE_MEMBER if model.members < 2 else None
    shown = project.completions_per_item
    counted, has_more = exchange.open_items(project.id, most_slots=MOST_SLOTS)
    return Asking(
        settings=settings,
        rule=exchange.Rule.RANDOM.value if why else settings.rule,
        why=why,
        reward_model=model.number if model else None,
        members=model.members if model else 0,
        writers=pool(settings, shown=shown),
        candidates=num_candidates(settings, shown=shown),
        shown=shown,
        open=counted,
        has_more=has_more,
        left=exchange.count_left(project.id),
    )
