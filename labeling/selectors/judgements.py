"""What was decided, label by label, streamed in the order it was stored with constant memory.

Statements of our own, for batches of labels by id: models would cost several times what the database does. Nothing is
held open between two batches, however slowly somebody reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from django.db.backends.utils import CursorWrapper

from labeling.models import Project, Purpose, Snapshot
from labeling.selectors.batches import in_batches
from labeling.selectors.chosen import FROM, condition
from labeling.selectors.selection import Selection

BATCH = 500
NEWEST = 2**63 - 1
EVERYTHING = Selection()
Parameters = dict[str, Any]
UNRATED: tuple[None, list[str]] = (None, [])


@dataclass(slots=True)
class StoredJudgement:
    """One label with its completions and what was decided about each, aligned by position.

    ``best`` is the position of the one picked, ``strength`` how much better the winner of a pair is (1 to 3).
    ``superseded_by`` is the label that replaced it, if that had happened when it was read up to.
    """

    label: int
    kind: str
    project: int
    item: int
    best: int | None
    strength: int | None
    annotator: int | None
    source: str
    is_extra: bool
    notes: str
    seconds: float
    guidelines_version: int | None
    created: str
    superseded_by: int | None
    prompt: int
    messages: list[dict[str, str]]
    prompt_digest: str
    held_out: bool
    topics: list[str]
    tags: list[str]
    completions: list[int]
    texts: list[str]
    versions: list[int | None]
    ranks: list[int | None]
    ratings: list[int | None]
    flags: list[list[str]]


@dataclass(slots=True)
class StoredDemonstration:
    """One label in which somebody wrote a completion, perhaps from a suggestion."""

    label: int
    project: int
    annotator: int | None
    source: str
    is_extra: bool
    notes: str
    seconds: float
    guidelines_version: int | None
    created: str
    superseded_by: int | None
    prompt: int
    messages: list[dict[str, str]]
    prompt_digest: str
    held_out: bool
    topics: list[str]
    tags: list[str]
    completion: int
    text: str
    suggestion: int | None
    suggestion_text: str | None


@dataclass(slots=True)
class StoredPrompt:
    """A prompt of which something was judged."""

    prompt: int
    messages: list[dict[str, str]]
    prompt_digest: str
    held_out: bool
    topics: list[str]
    tags: list[str]


def judgements(
    project: Project | int,
    *,
    up_to: int | None = None,
    selection: Selection = EVERYTHING,
    snapshot: Snapshot | None = None,
    purpose: str = Purpose.TRAINING,
    after: int = 0,
    chunk: int = BATCH,
) -> Iterator[StoredJudgement]:
    """Stream the labels of a project that judge completions.

    Those of blind evaluations are kept apart: they come when they are asked for by their purpose, and then alone.

    Args:
        up_to: the last label id to read; later ones are left out, and what they replaced is current again.
        selection: filters; without any, what no revision replaced.
        snapshot: the labels of a snapshot instead.
        after: begin behind the label with this id.
    """
    statement, parameters = _statement(JUDGED, project, selection, up_to=up_to, snapshot=snapshot)
    parameters |= {"purpose": str(purpose)}
    return in_batches(lambda cursor, last: _judged(cursor, statement, parameters, last, chunk), after=after)


def demonstrations(
    project: Project | int,
    *,
    up_to: int | None = None,
    selection: Selection = EVERYTHING,
    snapshot: Snapshot | None = None,
    after: int = 0,
    chunk: int = BATCH,
) -> Iterator[StoredDemonstration]:
    """Stream what people wrote; arguments as for judgements."""
    statement, parameters = _statement(WRITTEN, project, selection, up_to=up_to, snapshot=snapshot)
    return in_batches(lambda cursor, last: _written(cursor, statement, parameters, last, chunk), after=after)


def judged_prompts(
    project: Project | int,
    *,
    up_to: int | None = None,
    selection: Selection = EVERYTHING,
    snapshot: Snapshot | None = None,
    after: int = 0,
    chunk: int = BATCH,
) -> Iterator[StoredPrompt]:
    """Stream the prompts of judgements, each once, by id; arguments as for judgements, ``after`` is a prompt."""
    statement, parameters = _statement(PROMPTS, project, selection, up_to=up_to, snapshot=snapshot)

    def read(cursor: CursorWrapper, last: int) -> tuple[list[StoredPrompt], int | None]:
        cursor.execute(statement, {**parameters, "after": last, "size": chunk})
        rows = cursor.fetchall()
        found = [StoredPrompt(row[0], orjson.loads(row[1]), *row[2:]) for row in rows]
        return found, found[-1].prompt if len(rows) == chunk else None

    return in_batches(read, after=after)


def _statement(
    template: str, project: Project | int, selection: Selection, *, up_to: int | None, snapshot: Snapshot | None
) -> tuple[str, dict[str, Any]]:
    """A template with what is chosen, and the parameters of that; of a snapshot, prompts as they were then."""
    chosen, parameters = condition(project, selection, up_to=NEWEST if up_to is None else up_to, snapshot=snapshot)
    kept, prompt = (KEPT, KEPT_COLUMNS) if snapshot else ("", COLUMNS)
    return template.format(chosen=chosen, from_=FROM + kept, kept=kept, prompt=prompt), parameters


COLUMNS = """prompt.id, prompt.messages::text, prompt.digest, prompt.held_out, prompt.topics, ARRAY(
    SELECT tag.name FROM labeling_prompttag tagged JOIN labeling_tag tag ON tag.id = tagged.tag_id
    WHERE tagged.prompt_id = prompt.id ORDER BY tag.name
)"""
# Of a snapshot: what may change about a prompt as it was then.
KEPT = "JOIN labeling_snapshotlabel kept ON kept.label_id = label.id AND kept.snapshot_id = %(snapshot)s\n"
KEPT_COLUMNS = "prompt.id, prompt.messages::text, prompt.digest, prompt.held_out, kept.topics, kept.tags"

LABEL = """label.annotator_id, label.source, label.is_extra, label.notes, label.seconds, label.guidelines_version,
    label.created, CASE WHEN label.superseded_by_id <= %(up_to)s THEN label.superseded_by_id END"""

JUDGED = f"""
SELECT label.id, label.kind, label.project_id, label.item_id, label.best_id, label.strength, {LABEL}, {{prompt}}
{{from_}}
WHERE {{chosen}} AND label.id > %(after)s AND label.kind <> 'demonstration' AND item.purpose = %(purpose)s
ORDER BY label.id LIMIT %(size)s
"""
WRITTEN = f"""
SELECT label.id, label.project_id, {LABEL}, {{prompt}}, written.id, written.text, label.suggestion_id, suggestion.text
{{from_}}
JOIN labeling_completion written ON written.id = label.demonstration_id
LEFT JOIN labeling_completion suggestion ON suggestion.id = label.suggestion_id
WHERE {{chosen}} AND label.id > %(after)s AND item.purpose = 'training'
ORDER BY label.id LIMIT %(size)s
"""
# Of a snapshot, what is kept with the first label of each prompt.
PROMPTS = """
SELECT found.* FROM (
    SELECT DISTINCT ON (prompt.id) {prompt}
    FROM labeling_prompt prompt
    JOIN labeling_item item ON item.prompt_id = prompt.id
    JOIN labeling_label label ON label.item_id = item.id
    {kept}
    WHERE {chosen} AND prompt.project_id = %(project)s AND prompt.id > %(after)s AND item.purpose = 'training'
    ORDER BY prompt.id, label.id LIMIT %(size)s
) found
"""
# The first part keeps the database from starting processes of its own for each batch.
SHOWN = """
WITH asked AS MATERIALIZED (SELECT unnest(%s::bigint[]) AS item_id)
SELECT entry.item_id, entry.completion_id, written.text, written.policy_version
FROM asked JOIN labeling_itemcompletion entry ON entry.item_id = asked.item_id
JOIN labeling_completion written ON written.id = entry.completion_id
ORDER BY entry.item_id, entry.position
"""
RANKED = "SELECT label_id, completion_id, rank FROM labeling_rank WHERE label_id = ANY(%s)"
RATED = "SELECT label_id, completion_id, value, flags FROM labeling_rating WHERE label_id = ANY(%s)"


def _judged(
    cursor: CursorWrapper, statement: str, parameters: Parameters, after: int, size: int
) -> tuple[list[StoredJudgement], int | None]:
    """One batch, and the last label of it if more may follow."""
    cursor.execute(statement, {**parameters, "after": after, "size": size})
    labels = cursor.fetchall()
    if not labels:
        return [], None
    cursor.execute(SHOWN, [list({row[3] for row in labels})])
    shown: dict[int, list[tuple[Any, ...]]] = {row[3]: [] for row in labels}
    for entry in cursor.fetchall():
        shown[entry[0]].append(entry)
    ids = [row[0] for row in labels]
    cursor.execute(RANKED, [ids])
    ranks = {(label, completion): rank for label, completion, rank in cursor.fetchall()}
    cursor.execute(RATED, [ids])
    ratings = {(label, completion): (value, flags) for label, completion, value, flags in cursor.fetchall()}
    found = [_judgement(row, shown[row[3]], ranks, ratings) for row in labels]
    return found, ids[-1] if len(ids) == size else None


def _judgement(
    row: tuple[Any, ...],
    shown: list[tuple[Any, ...]],
    ranks: dict[tuple[int, int], int],
    ratings: dict[tuple[int, int], Any],
) -> StoredJudgement:
    label, best = row[0], row[4]
    completions = [entry[1] for entry in shown]
    rated = [ratings.get((label, completion), UNRATED) for completion in completions]
    return StoredJudgement(  # type: ignore[call-arg]  # a row has as many values as its statement
        *row[:4],
        None if best is None else completions.index(best),
        *row[5:12],
        row[12].isoformat(),
        *row[13:15],
        orjson.loads(row[15]),
        *row[16:],
        completions,
        [entry[2] for entry in shown],
        [entry[3] for entry in shown],
        [ranks.get((label, completion)) for completion in completions],
        [value for value, _ in rated],
        [flags for _, flags in rated],
    )


def _written(
    cursor: CursorWrapper, statement: str, parameters: Parameters, after: int, size: int
) -> tuple[list[StoredDemonstration], int | None]:
    """One batch, and the last label of it if more may follow."""
    cursor.execute(statement, {**parameters, "after": after, "size": size})
    rows = cursor.fetchall()
    found = [
        StoredDemonstration(*row[:8], row[8].isoformat(), *row[9:11], orjson.loads(row[11]), *row[12:])  # type: ignore[call-arg]  # a row has all its fields
        for row in rows
    ]
    return found, found[-1].label if len(rows) == size else None
