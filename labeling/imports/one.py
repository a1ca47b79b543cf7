"""One prompt, as it comes by form or API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.utils.translation import ngettext

from labeling.errors import Invalid
from labeling.imports.records import make_record
from labeling.imports.storing import Store
from labeling.imports.written import with_models
from labeling.models import Project, Prompt
from labeling.services.tags import check_tags
from labeling.services.topics import check_topics


@transaction.atomic
def add_prompt(
    *,
    project: Project,
    prompt: object,
    completions: Sequence[object] = (),
    models: Sequence[object] = (),
    topics: object = None,
    tags: object = None,
    source: str = "",
) -> tuple[Prompt, bool]:
    """Store a prompt and, when completions are given, an item that asks about them. Repeating it is harmless.

    Args:
        models: names of the models of elsewhere that wrote the completions, in their order; None for none.

    Returns:
        The prompt, and whether anything was new.

    Raises:
        Invalid: a prompt, a completion, a model's name, a topic or a tag that breaks a rule.
    """
    if models and len(models) != len(completions):
        raise Invalid(
            ngettext(
                "models has {count} name for {completions} completions",
                "models has {count} names for {completions} completions",
                len(models),
            ).format(count=len(models), completions=len(completions))
        )
    record = with_models(make_record(prompt=prompt, completions=completions), models)
    record = replace(record, topics=tuple(check_topics(topics)), tags=tuple(check_tags(tags)))
    store = Store(project=project, source=source)
    store.add([record])
    return Prompt.objects.get(project=project, digest=record.prompt_digest), store.stored.repeated == 0
