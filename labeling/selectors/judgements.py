"""What was decided, label by label, streamed in the order it was stored with constant memory.

Statements of our own, for batches of labels by id: models would cost several times what the database does. Nothing is
held open between two batches, however slowly somebody reads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.pq import Format

from labeling.models import Project, Purpose, Snapshot
from labeling.selectors.chosen import FROM, condition
from labeling.selectors.selection import Selection

BATCH = 500
NEWEST = 2**63 - 1
EVERYTHING = Selection()
Row = TypeVar("Row")
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
    chosen, parameters = condition(project, selection, up_to=NEWEST if up_to is None else up_to, snapshot=snapshot)
    statement = JUDGED.format(
        chosen=chosen, from_=FROM + (KEPT if snapshot else ""), prompt=KEPT_COLUMNS if snapshot else COLUMNS
    )
    parameters |= {"purpose": str(purpose)}
    return _in_batches(lambda cursor, last: _judged(cursor, statement, parameters, last, chunk), after=after)


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
    chosen, parameters = condition(project, selection, up_to=NEWEST if up_to is None else up_to, snapshot=snapshot)
    statement = WRITTEN.format(
        chosen=chosen, from_=FROM + (KEPT if snapshot else ""), prompt=KEPT_COLUMNS if snapshot else COLUMNS
    )
    return _in_batches(lambda cursor, last: _written(cursor, statement, parameters, last, chunk), after=after)


def _in_batches(read: Callable[[CursorWrapper, int], tuple[list[Row], int | None]], *, after: int) -> Iterator[Row]:
    """What a statement reads after one label, and after the last of those, until there is none.

    The next batch is read while this one is used: the database and Python then work at the same time.
    """
    with connection.cursor() as given, ThreadPoolExecutor(1) as ahead:  # no thread before the second batch
        given.cursor.format = Format.BINARY
        cursor = CursorWrapper(given.cursor, connection)  # one that logs statements stays in its thread
        rows, last = read(cursor, after)
        while last is not None:
            with SHORT_TURNS:
                coming = ahead.submit(read, cursor, last)
                yield from rows
                rows, last = coming.result()
        yield from rows


class _ShortTurns:
    """Threads change places more often while somebody is inside.

    A batch comes in a hundred pieces, and at each the thread that reads would wait 5 ms for the one that writes:
    an export took twice as long.
    """

    SECONDS = 0.0002

    def __init__(self) -> None:
        self._lock, self._inside, self._usual = Lock(), 0, sys.getswitchinterval()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(self.SECONDS)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.setswitchinterval(self._usual)


SHORT_TURNS = _ShortTurns()

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
        StoredDemonstration(*row[:8], row[8].isoformat(), *row[9:11], orjson.loads(row[11]), *row[12:])  # type: ignore[call-arg]
        for row in rows
    ]
    return found, found[-1].label if len(rows) == size else None
