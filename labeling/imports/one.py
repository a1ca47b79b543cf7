"""One prompt, as it comes by form or API."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from labeling.imports.records import make_record
from labeling.imports.storing import Store
from labeling.models import Project, Prompt


@transaction.atomic
def add_prompt(
    *, project: Project, prompt: object, completions: Sequence[object] = (), source: str = ""
) -> tuple[Prompt, bool]:
    """Store a prompt and, when completions are given, an item that asks about them. Repeating it is harmless.

    Returns:
        The prompt, and whether anything was new.

    Raises:
        Invalid: a prompt or a completion that breaks a rule.
    """
    record = make_record(prompt=prompt, completions=completions)
    store = Store(project=project, source=source)
    [stored] = store.add([record])
    return stored, store.stored.repeated == 0
