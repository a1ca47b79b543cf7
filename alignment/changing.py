"""Changing a project's settings: the same steps for those of the loop and those of the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from labeling import exchange


def change(settings: Model, changes: Mapping[str, Any], *, project_id: int, changed_by: int | None, topic: str) -> None:
    """Check and save changes to a locked row, write down what became different, and tell open pages.

    Args:
        topic: the event, and the first part of the action in the audit log.

    Raises:
        Invalid: a value outside its range.
    """
    before = {name: getattr(settings, name) for name, value in changes.items() if getattr(settings, name) != value}
    for name, value in changes.items():
        setattr(settings, name, value)
    try:
        settings.full_clean(validate_unique=False)
    except ValidationError as error:
        said = "; ".join(f"{key}: {' '.join(texts)}" for key, texts in error.message_dict.items())
        raise exchange.Invalid(said) from None
    settings.save()
    if before:
        after = {name: changes[name] for name in before}
        exchange.record_change(
            project_id=project_id, actor_id=changed_by, action=f"{topic}.settings", before=before, after=after
        )
    exchange.publish(exchange.project_record(project_id).slug, topic)
