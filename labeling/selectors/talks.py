"""Conversations as a whole, streamed in the order they were begun."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q

from labeling.models import Assignment, Project, State, Turn, TurnState


@dataclass(frozen=True, slots=True)
class StoredConversation:
    """One annotator's conversation: all that was said up to what carried the last judged turn on.

    ``topic`` is what it was to be about, when that was not the first thing said.
    """

    assignment: int
    project: int
    prompt: int
    topic: str
    messages: list[dict[str, str]]
    turns: int
    labels: list[int]
    is_finished: bool
    held_out: bool
    annotator: int
    created: str


def conversations(
    project: Project | int, *, up_to: int | None = None, held_out: bool | None = None, chunk: int = 200
) -> Iterator[StoredConversation]:
    """Stream the conversations of a project that have a judged turn, with constant memory.

    Args:
        up_to: the last label id to read; turns judged later are left out.
        held_out: only conversations that began with a held-out prompt, or only the others.
    """
    turns = Turn.objects.filter(assignment__item__project=project, state=TurnState.SETTLED, labels__isnull=False)
    if up_to is not None:
        turns = turns.filter(labels__pk__lte=up_to)
    if held_out is not None:
        turns = turns.filter(assignment__item__prompt__held_out=held_out)
    ids = turns.order_by("assignment").values_list("assignment", flat=True).distinct()
    batch: list[int] = []
    for assignment in ids.iterator(chunk_size=chunk):
        batch.append(assignment)
        if len(batch) == chunk:
            yield from _read(batch, up_to=up_to)
            batch = []
    yield from _read(batch, up_to=up_to)


def _read(ids: list[int], *, up_to: int | None) -> Iterator[StoredConversation]:
    known = Q() if up_to is None else Q(labels__pk__lte=up_to)
    rows = (
        Turn.objects.filter(known, assignment__in=ids, state=TurnState.SETTLED, labels__superseded_by__isnull=True)
        .select_related("prompt", "carried")
        .annotate(judgements=ArrayAgg("labels__pk", filter=Q(labels__isnull=False), default=[]))
        .order_by("assignment", "number")
    )
    by_assignment: dict[int, list[Turn]] = {}
    for turn in rows:
        by_assignment.setdefault(turn.assignment_id, []).append(turn)
    for assignment in Assignment.objects.filter(pk__in=by_assignment).select_related("item__prompt").order_by("pk"):
        yield _stored(assignment, by_assignment[assignment.pk])


def _stored(assignment: Assignment, turns: list[Turn]) -> StoredConversation:
    last, opening = turns[-1], assignment.item.prompt
    assert last.carried is not None, "turn_has_what_its_state_says"
    began_with_it = last.prompt.messages[: len(opening.messages)] == opening.messages
    return StoredConversation(
        assignment=assignment.pk,
        project=assignment.item.project_id,
        prompt=opening.pk,
        topic="" if began_with_it else opening.last_turn,
        messages=[*last.prompt.messages, {"role": "assistant", "content": last.carried.text}],
        turns=len(turns),
        labels=[label for turn in turns for label in turn.judgements],  # type: ignore[attr-defined]  # annotated
        is_finished=assignment.state == State.SUBMITTED,
        held_out=opening.held_out,
        annotator=assignment.annotator_id,
        created=assignment.created.isoformat(),
    )
