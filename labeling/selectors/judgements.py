"""What was decided, label by label, streamed in the order it was stored with constant memory.

Statements of our own, for batches of labels by id: models would cost several times what the database does. Nothing is
held open between two batches, however slowly somebody reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from django.db.backends.utils import CursorWrapper

from labeling.models import Project, Purpose, Snapshot
from labeling.selectors.batches import Batch, in_batches
from labeling.selectors.chosen import FROM, condition
from labeling.selectors.decided import NOTHING, RANKED, RATED, Decided, Shown, read_decided, read_shown
from labeling.selectors.labels import Names, names_of
from labeling.selectors.selection import Selection
from labeling.selectors.stored import StoredDemonstration, StoredJudgement, StoredPrompt

BATCH = 1000
NEWEST = 2**63 - 1
EVERYTHING = Selection()
Parameters = dict[str, Any]


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
    names = names_of(project, snapshot=snapshot)
    return in_batches(
        lambda cursor, last, size: _judged(cursor, statement, parameters, names, last, size), after=after, most=chunk
    )


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
    names = names_of(project, snapshot=snapshot)
    return in_batches(
        lambda cursor, last, size: _written(cursor, statement, parameters, names, last, size), after=after, most=chunk
    )


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

    def read(cursor: CursorWrapper, last: int, size: int) -> Batch[StoredPrompt]:
        cursor.execute(statement, {**parameters, "after": last, "size": size})
        rows = cursor.fetchall()
        found = [StoredPrompt(row[0], orjson.loads(row[1]), *row[2:]) for row in rows]
        return Batch(
            found, len(found), found[-1].prompt if len(rows) == size else None, sum(len(row[1]) for row in rows)
        )

    return in_batches(read, after=after, most=chunk)


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

# What a label is called outside: as in the file that it came in, or by the client id, which nobody else has.
KEYED = "coalesce({told}.key, left(encode(sha256(uuid_send({label}.client_id)), 'hex'), 16))"
LABEL = f"""label.annotator_id, label.source, label.is_extra, label.notes, label.seconds, label.guidelines_version,
    label.created AT TIME ZONE 'UTC', CASE WHEN label.superseded_by_id <= %(up_to)s THEN label.superseded_by_id END,
    {KEYED.format(told="told", label="label")}, told.said::text"""
TOLD = "LEFT JOIN labeling_provenance told ON told.label_id = label.id"
# The prompt's digest and the text's: a completion is called the same wherever it is, whoever wrote it there.
WRITTEN_KEY = "left(prompt.digest, 8) || left({written}.digest, 8)"

JUDGED = f"""
SELECT label.id, label.kind, label.project_id, label.item_id, label.best_id, label.strength,
    item.rule, item.propensity, item.random_propensity, item.is_random, {LABEL}, {{prompt}}
{{from_}} {TOLD}
WHERE {{chosen}} AND label.id > %(after)s AND label.kind <> 'demonstration' AND item.purpose = %(purpose)s
ORDER BY label.id LIMIT %(size)s
"""
WRITTEN = f"""
SELECT label.id, label.project_id, {LABEL}, {{prompt}},
    {WRITTEN_KEY.format(written="written")}, written.text, {WRITTEN_KEY.format(written="suggestion")}, suggestion.text,
    (SELECT name FROM labeling_importedmodel model WHERE model.id = written.model_id)
{{from_}} {TOLD}
JOIN labeling_completion written ON written.id = label.demonstration_id
LEFT JOIN labeling_completion suggestion ON suggestion.id = label.suggestion_id
WHERE {{chosen}} AND label.id > %(after)s AND item.purpose = 'training'
ORDER BY label.id LIMIT %(size)s
"""
REPLACING = f"""
SELECT label.id, {KEYED.format(told="told", label="label")} FROM labeling_label label {TOLD} WHERE label.id = ANY(%s)
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


def _judged(
    cursor: CursorWrapper, statement: str, parameters: Parameters, names: Names, after: int, size: int
) -> Batch[StoredJudgement]:
    cursor.execute(statement, {**parameters, "after": after, "size": size})
    labels = cursor.fetchall()
    if not labels:
        return Batch([], 0, None, 0)
    shown = read_shown(cursor, {row[3] for row in labels})
    ids = [row[0] for row in labels]
    ranked, rated = read_decided(cursor, RANKED, ids), read_decided(cursor, RATED, ids)
    replacing = _replacing(cursor, [row[17] for row in labels if row[17] is not None])
    num_bytes = sum(len(row[21]) for row in labels) + sum(map(len, shown.texts))
    found = _judgements(labels, shown, ranked, rated, replacing, names)
    return Batch(found, len(ids), ids[-1] if len(ids) == size else None, num_bytes)


def _replacing(cursor: CursorWrapper, ids: list[int]) -> dict[int, str]:
    """What the labels are called that superseded others."""
    if not ids:
        return {}
    cursor.execute(REPLACING, [ids])
    return dict(cursor.fetchall())


def _judgements(
    labels: list[tuple[Any, ...]],
    shown: Shown,
    ranked: Decided,
    rated: Decided,
    replacing: dict[int, str],
    names: Names,
) -> Iterator[StoredJudgement]:
    """Rows of JUDGED with what belongs to them: their columns are the fields, but for what stands otherwise below."""
    ids, places = [row[0] for row in labels], [shown.of(row[3]) for row in labels]
    ranks = ranked.of_each(ids, places, shown.ids)
    values = rated.of_each(ids, places, shown.ids)
    for row, place, (given,), (ratings, codes) in zip(labels, places, ranks, values, strict=True):
        completions, prompt = shown.ids[place], row[22][:8]
        found = StoredJudgement(  # type: ignore[call-arg]  # a row has as many values as its statement
            *row,
            completions,
            [prompt + digest for digest in shown.digests[place]],
            shown.texts[place],
            shown.versions[place],
            given,
            ratings,
            [each.split(" ") if each else NOTHING for each in codes],
            None,
            names,
        )
        found.messages, found.created = orjson.loads(row[21]), f"{row[16].isoformat()}+00:00"
        if row[4] is not None:
            found.best = completions.index(row[4])
        if row[17] is not None:
            found.replaced_by = replacing[row[17]]
        if row[19] is not None:
            found.said = said = orjson.loads(row[19])
            found.versions = said.get("policies", found.versions)
        if shown.models and not shown.models.keys().isdisjoint(completions):
            found.models = [shown.models.get(completion) for completion in completions]
        yield found


def _written(
    cursor: CursorWrapper, statement: str, parameters: Parameters, names: Names, after: int, size: int
) -> Batch[StoredDemonstration]:
    cursor.execute(statement, {**parameters, "after": after, "size": size})
    rows = cursor.fetchall()
    replacing = _replacing(cursor, [row[9] for row in rows if row[9] is not None])
    found = [
        StoredDemonstration(  # type: ignore[call-arg]  # a row has all its fields
            *row[:8],
            f"{row[8].isoformat()}+00:00",
            None if row[9] is None else replacing[row[9]],
            row[10],
            None if row[11] is None else orjson.loads(row[11]),
            row[12],
            orjson.loads(row[13]),
            *row[14:],
        )
        for row in rows
    ]
    for each in found:
        each.names = names
    num_bytes = sum(len(row[13]) + len(row[19]) for row in rows)
    return Batch(found, len(found), found[-1].label if len(rows) == size else None, num_bytes)
