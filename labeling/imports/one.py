"""One prompt, as it comes by form or API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction

from labeling.imports.records import make_record
from labeling.imports.storing import Store
from labeling.models import Project, Prompt
from labeling.services.topics import check_topics


@transaction.atomic
def add_prompt(
    *, project: Project, prompt: object, completions: Sequence[object] = (), topics: object = None, source: str = ""
) -> tuple[Prompt, bool]:
    """Store a prompt and, when completions are given, an item that asks about them. Repeating it is harmless.

    Returns:
        The prompt, and whether anything was new.

    Raises:
        Invalid: a prompt, a completion or a topic that breaks a rule.
    """
    record = replace(make_record(prompt=prompt, completions=completions), topics=tuple(check_topics(topics)))
    store = Store(project=project, source=source)
    [stored] = store.add([record])
    return stored, store.stored.repeated == 0
