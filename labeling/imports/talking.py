"""Conversations that were held elsewhere, into the database."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from labeling.imports.records import Record
from labeling.models import ImportedConversation, Project
from labeling.selectors.labels import latest_label


def add_conversations(*, project: Project, conversations: Sequence[tuple[int, Record]]) -> int:
    """Keep what the records tell of conversations, each with the id of its prompt; how many were new.

    One is known by its key, in the database or in this batch. It is part of the transaction of an import.
    """
    given = {record.talk.key: (prompt, record, record.talk) for prompt, record in conversations if record.talk}
    if not given:
        return 0
    rows = ImportedConversation.objects.filter(project=project, key__in=list(given))
    known = set(rows.values_list("key", flat=True))
    now, newest = timezone.now(), latest_label(project)
    new = [
        ImportedConversation(
            project=project,
            prompt_id=prompt,
            key=talk.key,
            prompt_key=talk.prompt_key,
            topic=talk.topic,
            messages=talk.messages,
            turns=talk.turns,
            rankings=list(talk.rankings),
            is_finished=talk.is_finished,
            annotator=talk.annotator,
            newest_label=newest,
            created=record.created or now,
        )
        for key, (prompt, record, talk) in given.items()
        if key not in known
    ]
    ImportedConversation.objects.bulk_create(new, batch_size=500)
    return len(new)
