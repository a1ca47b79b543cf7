"""Judgements that were made elsewhere: stored as they stand, thousands at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from labeling import events
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
    topics: dict[int, set[str]] = {}
    for label in labels:
        for codes in label.verdict.flags.values():
            topics.setdefault(label.prompt, set()).update(topics_of_flags(codes))
    for prompt, named in sorted(topics.items()):  # in one order, so none waits for a prompt while it holds another
        if named:
            add_topics(prompt=Prompt(pk=prompt), topics=named)
    events.publish(project.slug, "label", imported=len(ids))
    return len(ids)


def _columns(labels: Sequence[ImportedLabel]) -> dict[str, list[object]]:
    return {
        "items": [label.item for label in labels],
        "kinds": [str(label.kind) for label in labels],
        "best": [label.verdict.best for label in labels],
        "strengths": [label.verdict.strength for label in labels],
        "demonstrations": [label.demonstration for label in labels],
        "client_ids": [str(label.client_id) for label in labels],
        "fingerprints": [label.verdict.fingerprint() for label in labels],
        "notes": [label.verdict.notes for label in labels],
        "created": [label.created for label in labels],
    }


LABELS = """
INSERT INTO labeling_label (
    project_id, item_id, kind, best_id, strength, demonstration_id, client_id, fingerprint, notes, created,
    source, seconds, is_extra
)
SELECT %(project)s, item, kind, best, strength, demonstration, client_id, fingerprint, notes,
    coalesce(created, statement_timestamp()), %(source)s, 0, false
FROM unnest(
    %(items)s::bigint[], %(kinds)b::text[], %(best)s::bigint[], %(strengths)s::int[], %(demonstrations)s::bigint[],
    %(client_ids)b::text[]::uuid[], %(fingerprints)b::text[], %(notes)b::text[], %(created)s::timestamptz[]
) WITH ORDINALITY
    AS given (item, kind, best, strength, demonstration, client_id, fingerprint, notes, created, n)
ORDER BY n
RETURNING id
"""
