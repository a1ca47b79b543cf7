"""Conversations for tests: begun, said, offered and judged through the services; nothing is faked."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from factories import claim, make_item

from labeling import exchange
from labeling.models import Assignment, Project, Turn, User
from labeling.services.conversations import say
from labeling.services.turns import settle
from labeling.services.verdicts import Verdict


def converse(
    project: Project, annotator: User, *, prompt: str = "Name a colour.", texts: Sequence[str] = ()
) -> Assignment:
    """The annotator's assignment of a conversation; ``texts`` are written for its prompt already."""
    make_item(project, prompt=prompt, texts=texts, kind="conversation", priority=9)
    assignment: Assignment = claim(project, annotator)
    return assignment


def speak(assignment: Assignment, text: str = "", *, number: int | None = None, client_id: UUID | None = None) -> Turn:
    """Say something at the next turn."""
    return say(
        assignment_id=assignment.pk,
        annotator=assignment.annotator,
        number=number or assignment.turns.count() + 1,
        text=text,
        client_id=client_id or uuid4(),
    )


def offer(turn: Turn, *texts: str, version: int = 1) -> Turn:
    """What the worker does when it has written."""
    sampled = [exchange.Sampled(prompt=turn.prompt_id, text=text, logprob=-2.0, sampling={"seed": 1}) for text in texts]
    exchange.offer_turn(turn_id=turn.pk, policy_version=version, sampled=sampled)
    turn.refresh_from_db()
    return turn


def decide(
    assignment: Assignment, *, number: int = 1, shown: Sequence[int] = (), client_id: UUID | None = None, **verdict
) -> Turn:
    """Judge a turn; without ranks the first one shown is best, and carries on."""
    if shown and "ranks" not in verdict:
        verdict["ranks"] = {pk: place for place, pk in enumerate(shown, start=1)}
    if shown and "text" not in verdict:
        verdict.setdefault("best", shown[0])
    return settle(
        assignment_id=assignment.pk,
        annotator=assignment.annotator,
        number=number,
        client_id=client_id or uuid4(),
        verdict=Verdict(**verdict),
    )
