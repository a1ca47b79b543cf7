"""Conversations as a whole, streamed in the order they were begun."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from labeling.models import Project, Snapshot, State, Turn
from labeling.selectors.chosen import condition
from labeling.selectors.elsewhere import held_elsewhere
from labeling.selectors.judgements import EVERYTHING, KEYED, NEWEST, TOLD
from labeling.selectors.labels import Names, names_of
from labeling.selectors.selection import Selection
from labeling.selectors.stored import KEY_CHARACTERS, prompt_key


@dataclass(frozen=True, slots=True)
class StoredConversation:
    """One annotator's conversation: all that was said up to what carried the last judged turn on.

    ``topic`` is what it was to be about, when that was not the first thing said. Whether it is finished may change, so
    that snapshots don't say.
    """

    assignment: int
    key: str
    project: int
    prompt_key: str
    topic: str
    messages: list[dict[str, str]]
    turns: int
    labels: list[str]
    is_finished: bool | None
    held_out: bool
    annotator: str
    created: str


def conversations(
    project: Project | int,
    *,
    up_to: int | None = None,
    selection: Selection = EVERYTHING,
    snapshot: Snapshot | None = None,
    after: int = 0,
    chunk: int = 200,
) -> Iterator[StoredConversation]:
    """Stream the conversations of a project that have a judged turn, with constant memory.

    Arguments as for judgements, of the turns' labels; held out is what the conversation began with, and ``after`` is
    the id of a conversation. Those that came from elsewhere come behind those held here.
    """
    newest = NEWEST if up_to is None else up_to
    if after < ELSEWHERE:
        yield from _held_here(project, selection, up_to=newest, snapshot=snapshot, after=after, chunk=chunk)
    chosen_there = held_elsewhere(project, selection, up_to=newest, snapshot=snapshot)
    if chosen_there is not None:
        yield from _held_elsewhere(*chosen_there, after=max(after - ELSEWHERE, 0), chunk=chunk, snapshot=snapshot)


def _held_here(
    project: Project | int, selection: Selection, *, up_to: int, snapshot: Snapshot | None, after: int, chunk: int
) -> Iterator[StoredConversation]:
    chosen, parameters = condition(project, selection, up_to=up_to, snapshot=snapshot)
    names = names_of(project, snapshot=snapshot)
    statement = TALKED.format(chosen=chosen, key=KEYED.format(told="told", label="label"), told=TOLD)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**parameters, "after": after, "size": chunk})
            rows = cursor.fetchall()
        ends = Turn.objects.filter(pk__in=[row[1] for row in rows])
        last = {turn.pk: turn for turn in ends.select_related("prompt", "carried", "assignment__item__prompt")}
        for _, turn, labels in rows:
            yield _stored(last[turn], names, labels=labels, is_kept=snapshot is not None)
        if len(rows) < chunk:
            return
        after = rows[-1][0]


def _held_elsewhere(
    condition: str, parameters: dict[str, Any], *, after: int, chunk: int, snapshot: Snapshot | None
) -> Iterator[StoredConversation]:
    statement = TOLD_OF.format(chosen=condition)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**parameters, "after": after, "size": chunk})
            rows = cursor.fetchall()
        for pk, key, project, prompt, topic, messages, turns, rankings, finished, held_out, annotator, created in rows:
            yield StoredConversation(
                assignment=ELSEWHERE + pk,
                key=key,
                project=project,
                prompt_key=prompt,
                topic=topic,
                messages=orjson.loads(messages),
                turns=turns,
                labels=rankings,
                is_finished=None if snapshot is not None else finished,
                held_out=held_out,
                annotator=annotator,
                created=created.isoformat(),
            )
        if len(rows) < chunk:
            return
        after = rows[-1][0]


ELSEWHERE = 2**62
"""What is added to the ids of conversations that came from elsewhere, so that they come behind the others."""
TOLD_OF = """
SELECT talk.id, talk.key, talk.project_id, talk.prompt_key, talk.topic, talk.messages::text, talk.turns, talk.rankings,
    talk.is_finished, prompt.held_out, talk.annotator, talk.created
FROM labeling_importedconversation talk JOIN labeling_prompt prompt ON prompt.id = talk.prompt_id
WHERE {chosen} AND talk.id > %(after)s ORDER BY talk.id LIMIT %(size)s
"""
TALKED = """
SELECT label.assignment_id, (array_agg(turn.id ORDER BY turn.number DESC))[1], array_agg({key} ORDER BY turn.number)
FROM labeling_label label
JOIN labeling_turn turn ON turn.id = label.turn_id
{told}
JOIN labeling_assignment assignment ON assignment.id = label.assignment_id
JOIN labeling_item item ON item.id = assignment.item_id
JOIN labeling_prompt prompt ON prompt.id = item.prompt_id
WHERE {chosen} AND turn.state = 'settled' AND label.assignment_id > %(after)s
GROUP BY label.assignment_id ORDER BY label.assignment_id LIMIT %(size)s
"""


def _stored(end: Turn, names: Names, *, labels: list[str], is_kept: bool) -> StoredConversation:
    assignment = end.assignment
    opening = assignment.item.prompt
    assert end.carried is not None, "turn_has_what_its_state_says"
    began = f"{opening.digest} {assignment.pk} {assignment.created.isoformat()}"
    began_with_it = end.prompt.messages[: len(opening.messages)] == opening.messages
    return StoredConversation(
        assignment=assignment.pk,
        key=hashlib.sha256(began.encode()).hexdigest()[:KEY_CHARACTERS],
        project=assignment.item.project_id,
        prompt_key=prompt_key(opening.digest),
        topic="" if began_with_it else opening.last_turn,
        messages=[*end.prompt.messages, {"role": "assistant", "content": end.carried.text}],
        turns=len(labels),
        labels=labels,
        is_finished=None if is_kept else assignment.state == State.SUBMITTED,
        held_out=opening.held_out,
        annotator=names.of(assignment.annotator_id),
        created=assignment.created.isoformat(),
    )
