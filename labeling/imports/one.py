"""One prompt, as it comes by form or API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction

from labeling.imports.records import make_record
from labeling.imports.storing import Store
from labeling.models import Project, Prompt
from labeling.services.tags import check_tags
from labeling.services.topics import check_topics


@transaction.atomic
def add_prompt(
    *,
    project: Project,
    prompt: object,
    completions: Sequence[object] = (),
    topics: object = None,
    tags: object = None,
    source: str = "",
) -> tuple[Prompt, bool]:
    """Store a prompt and, when completions are given, an item that asks about them. Repeating it is harmless.

    Returns:
        The prompt, and whether anything was new.

    Raises:
        Invalid: a prompt, a completion, a topic or a tag that breaks a rule.
    """
    record = make_record(prompt=prompt, completions=completions)
    record = replace(record, topics=tuple(check_topics(topics)), tags=tuple(check_tags(tags)))
    store = Store(project=project, source=source)
    store.add([record])
    return Prompt.objects.get(project=project, digest=record.prompt_digest), store.stored.repeated == 0
