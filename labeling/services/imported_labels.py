"""Judgements that were made elsewhere: stored as they stand, thousands at a time."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Invalid
from labeling.models import Project, Prompt, Source
from labeling.services.labels import store_verdicts
from labeling.services.topics import add_topics, topics_of_flags
from labeling.services.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class ImportedLabel:
    """A judgement of a decided item (services.prompts.judged_row); ``demonstration`` is the completion written.

    The client id is derived from the content by the importer, so that a repeated import stores nothing twice.
    """

    item: int
    prompt: int
    kind: str
    verdict: Verdict
    client_id: UUID
    demonstration: int | None = None
    created: dt.datetime | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a label came from, as exports say it again; ``key`` is "" for one that had no id there."""

    key: str
    replaced_by: str
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Stored:
    pk: int


@transaction.atomic
def add_imported_labels(*, project: Project, labels: Sequence[ImportedLabel]) -> int:
    """Store the judgements with all that was decided.

    Returns:
        How many labels were stored.
    """
    with connection.cursor() as cursor:
        cursor.execute(LABELS, {"project": project.pk, "source": Source.IMPORT.value, **_columns(labels)})
        ids = [row[0] for row in cursor.fetchall()]
    store_verdicts([(_Stored(pk), label.verdict) for pk, label in zip(ids, labels, strict=True)])
    _keep_origins(project, ids, labels)
    topics: dict[int, set[str]] = {}
    for label in labels:
        for codes in label.verdict.flags.values():
            topics.setdefault(label.prompt, set()).update(topics_of_flags(codes))
    for prompt, named in sorted(topics.items()):  # in one order, so none waits for a prompt while it holds another
        if named:
            add_topics(prompt=Prompt(pk=prompt), topics=named)
    events.publish(project.slug, "label", imported=len(ids))
    return len(ids)


def _keep_origins(project: Project, ids: Sequence[int], labels: Sequence[ImportedLabel]) -> None:
    """Keep where labels came from. One that had no id there is called as exports call it here, by its client id."""
    kept = [(pk, label, label.origin) for pk, label in zip(ids, labels, strict=True) if label.origin is not None]
    if not kept:
        return
    values: dict[str, Any] = {
        "project": project.pk,
        "labels": [pk for pk, _, _ in kept],
        "keys": [origin.key or sha256(label.client_id.bytes).hexdigest()[:16] for _, label, origin in kept],
        "replaced_by": [origin.replaced_by for _, _, origin in kept],
        "said": [json.dumps(dict(origin.said)) for _, _, origin in kept],
    }
    with connection.cursor() as cursor:
        cursor.execute(ORIGINS, values)


ORIGINS = """
INSERT INTO labeling_provenance (label_id, project_id, key, replaced_by, said)
SELECT label, %(project)s, key, replaced_by, said FROM unnest(
    %(labels)s::bigint[], %(keys)b::text[], %(replaced_by)b::text[], %(said)b::text[]::jsonb[]
) given (label, key, replaced_by, said)
"""


def link_replaced(*, project: Project) -> None:
    """Let imported labels be superseded by those that were said to have replaced them where they came from.

    Raises:
        Invalid: one of those is not in the project.
    """
    with connection.cursor() as cursor:
        cursor.execute(LINK, {"project": project.pk})
        cursor.execute(UNLINKED, {"project": project.pk})
        row = cursor.fetchone()
    if row is not None:
        raise Invalid(
            gettext(
                "judgement {key} was replaced by {other}, which the file does not have: export with superseded=with, "
                "or without replaced judgements"
            ).format(key=row[0], other=row[1])
        )


LINK = """
UPDATE labeling_label label SET superseded_by_id = newer.label_id
FROM labeling_provenance told JOIN labeling_provenance newer
    ON newer.project_id = told.project_id AND newer.key = told.replaced_by
WHERE label.id = told.label_id AND told.project_id = %(project)s AND told.replaced_by <> ''
    AND label.superseded_by_id IS NULL
"""
UNLINKED = """
SELECT told.key, told.replaced_by FROM labeling_provenance told JOIN labeling_label label ON label.id = told.label_id
WHERE told.project_id = %(project)s AND told.replaced_by <> '' AND label.superseded_by_id IS NULL
ORDER BY label.id LIMIT 1
"""


def _columns(labels: Sequence[ImportedLabel]) -> dict[str, list[object]]:
    return {
        "items": [label.item for label in labels],
        "kinds": [str(label.kind) for label in labels],
        "best": [label.verdict.best for label in labels],
        "strengths": [label.verdict.strength for label in labels],
        "suggestions": [label.verdict.suggestion for label in labels],
        "demonstrations": [label.demonstration for label in labels],
        "client_ids": [str(label.client_id) for label in labels],
        "fingerprints": [label.verdict.fingerprint() for label in labels],
        "notes": [label.verdict.notes for label in labels],
        "created": [label.created for label in labels],
    }


LABELS = """
INSERT INTO labeling_label (
    project_id, item_id, kind, best_id, strength, demonstration_id, suggestion_id, client_id, fingerprint, notes,
    created, source, seconds, is_extra
)
SELECT %(project)s, item, kind, best, strength, demonstration, suggestion, client_id, fingerprint, notes,
    coalesce(created, statement_timestamp()), %(source)s, 0, false
FROM unnest(
    %(items)s::bigint[], %(kinds)b::text[], %(best)s::bigint[], %(strengths)s::int[], %(demonstrations)s::bigint[],
    %(suggestions)s::bigint[], %(client_ids)b::text[]::uuid[], %(fingerprints)b::text[], %(notes)b::text[],
    %(created)s::timestamptz[]
) WITH ORDINALITY
    AS given (item, kind, best, strength, demonstration, suggestion, client_id, fingerprint, notes, created, n)
ORDER BY n
RETURNING id
"""
