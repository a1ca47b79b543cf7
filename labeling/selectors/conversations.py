"""Where a conversation stands, and what its next step asks of the annotator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils import timezone

from labeling.models import Assignment, Opening, Project, Prompt, Sides, Turn, TurnState

LATE_SECONDS = 30
"""After so long the page says that nothing has come; it goes on looking."""
MOST_OFFERED = 8
"""Completions shown at a turn: with one written over them they are 9, as many as a ranking has."""


class Step(StrEnum):
    """What is to be done next in a conversation."""

    SAY = "say"
    WAIT = "wait"
    RANK = "rank"
    WRITE = "write"
    END = "end"
    REVISE = "revise"


@dataclass(frozen=True, slots=True)
class Conversation:
    """Where a conversation stands.

    Attributes:
        turn: the number of the turn that the step belongs to; of the last one when the end is all that is left.
        turns: how many there may be.
        judged: how many are judged.
        messages: what was said so far, the open turn's part with it.
        shown: completion ids to be ranked, in the order to show.
        topic: what to talk about, when that is not the first thing said.
        is_given: the first turn is the prompt itself, for which nothing is written yet.
        is_late: nothing came for half a minute.
        error: why nothing could be written.
        carried: the completion that carried a judged turn on; whoever revises it can't change that.
        is_own: whether the annotator wrote that.
        revisable: the turns whose judgement can be revised, once the conversation is over.
    """

    step: Step
    turn: int
    turns: int
    judged: int
    messages: list[dict[str, str]]
    shown: list[int]
    topic: str = ""
    is_given: bool = False
    is_late: bool = False
    error: str = ""
    carried: str = ""
    is_own: bool = False
    revisable: tuple[int, ...] = ()

    @property
    def state(self) -> str:
        """Changes whenever the page has something else to show."""
        return f"{self.step}-{self.turn}{'-failed' if self.error else '-late' if self.is_late else ''}"

    @property
    def name(self) -> str:
        """The step and its turn: a draft belongs to one of them."""
        return f"{self.step}-{self.turn}"

    @property
    def may_finish(self) -> bool:
        """Whether the conversation can be ended here."""
        return self.judged > 0 and self.step != Step.RANK


def turns_of(assignment: Assignment) -> list[Turn]:
    """The turns so far, with their prompts and what carried on."""
    return list(Turn.objects.filter(assignment=assignment).select_related("prompt", "carried").order_by("number"))


def conversation(assignment: Assignment, *, project: Project) -> Conversation:
    """Where the conversation of an assignment stands; one query."""
    turns, opening = turns_of(assignment), assignment.item.prompt
    if not turns:
        return _first(assignment, project, opening)
    last, judged = turns[-1], sum(turn.state == TurnState.SETTLED for turn in turns)
    shared: dict[str, Any] = {"turns": project.conversation_turns, "judged": judged, "topic": _topic(project, opening)}
    if last.state == TurnState.SETTLED:
        is_over = last.number >= project.conversation_turns
        messages = messages_so_far(opening, turns)
        step, number = (Step.END, last.number) if is_over else (Step.SAY, last.number + 1)
        return Conversation(step=step, turn=number, messages=messages, shown=[], **shared)
    step = Step.RANK if last.state == TurnState.OFFERED else Step.WAIT
    if step == Step.WAIT and project.conversation_sides == Sides.BOTH:
        step = Step.WRITE
    return Conversation(
        step=step,
        turn=last.number,
        messages=last.prompt.messages,
        shown=last.order,
        is_late=step == Step.WAIT and (timezone.now() - last.asked).total_seconds() >= LATE_SECONDS,
        error=last.error if step == Step.WAIT else "",
        **shared,
    )


def _first(assignment: Assignment, project: Project, opening: Prompt) -> Conversation:
    """Before anything was said: where the prompt is said first, its completions are there already."""
    shared: dict[str, Any] = {"turn": 1, "turns": project.conversation_turns, "judged": 0}
    if project.conversation_opening == Opening.TOPIC:
        messages, topic = messages_so_far(opening, []), _topic(project, opening)
        return Conversation(step=Step.SAY, messages=messages, shown=[], topic=topic, **shared)
    if project.conversation_sides == Sides.BOTH:
        return Conversation(step=Step.WRITE, messages=opening.messages, shown=[], **shared)
    shown = assignment.order[:MOST_OFFERED]
    # Nothing was written for it yet: sending the prompt as it is asks for it.
    step = Step.RANK if shown else Step.SAY
    return Conversation(step=step, messages=opening.messages, shown=shown, is_given=not shown, **shared)


def _topic(project: Project, opening: Prompt) -> str:
    return opening.last_turn if project.conversation_opening == Opening.TOPIC else ""


def messages_so_far(opening: Prompt, turns: list[Turn]) -> list[dict[str, str]]:
    """What was said before the next turn of the user; a topic is not part of it."""
    if not turns:
        return [message for message in opening.messages if message["role"] == "system"]
    last = turns[-1]
    carried = last.carried.text if last.carried else ""
    return [*last.prompt.messages, {"role": "assistant", "content": carried}]
