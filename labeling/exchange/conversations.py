"""The part of the exchange that turns of conversations pass through; other apps import it from labeling.exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labeling import jobs
from labeling.exchange.records import PromptRecord, Sampled
from labeling.models import Turn, TurnState
from labeling.services import turns
from labeling.services.prompts import NewCompletion

__all__ = ["CONVERSATIONS", "WRITE_TURN", "TurnRecord", "offer_turn", "refuse_turn", "waiting_turn"]

CONVERSATIONS = jobs.CONVERSATIONS
WRITE_TURN = jobs.WRITE_TURN


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A turn of a conversation that waits for completions, as many as its project wants."""

    id: int
    project: int
    prompt: PromptRecord
    num_completions: int


def waiting_turn(turn_id: int) -> TurnRecord | None:
    """The turn, when somebody still waits for its completions."""
    turn = Turn.objects.select_related("prompt__project").filter(pk=turn_id, state=TurnState.WAITING).first()
    if turn is None:
        return None
    prompt = turn.prompt
    messages = tuple((message["role"], message["content"]) for message in prompt.messages)
    return TurnRecord(
        id=turn.pk,
        project=prompt.project_id,
        prompt=PromptRecord(id=prompt.pk, digest=prompt.digest, messages=messages, held_out=prompt.held_out),
        num_completions=prompt.project.completions_per_item,
    )


def offer_turn(*, turn_id: int, policy_version: int, sampled: Sequence[Sampled]) -> bool:
    """Bring what a policy wrote to whoever waits for it; a repeated call changes nothing and says False.

    Raises:
        NotFound, Invalid: see services.turns.offer.
    """
    completions = [
        NewCompletion(text=row.text, policy_version=policy_version, sampling=row.sampling, logprob=row.logprob)
        for row in sampled
    ]
    return turns.offer(turn_id=turn_id, completions=completions)


def refuse_turn(*, turn_id: int, reason: str) -> None:
    """Say to whoever waits why nothing could be written.

    Raises:
        NotFound: there is no such turn.
    """
    turns.refuse(turn_id=turn_id, reason=reason)
