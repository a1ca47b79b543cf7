"""The part of the exchange by which other apps write to the audit log; they import it from labeling.exchange."""

from __future__ import annotations

from typing import Any

from labeling.models import Project, User
from labeling.services.audit import record

__all__ = ["record_change"]


def record_change(
    *, project_id: int, actor_id: int | None, action: str, subject: str = "", before: Any = None, after: Any = None
) -> None:
    """Write a line of a project's audit log, inside the transaction that makes the change.

    Args:
        actor_id: who did it; None for a command or the loop.
        action: a code of labeling.models.audit.ACTIONS.

    Raises:
        ValueError: an action that has no text there.
    """
    actor = User(pk=actor_id) if actor_id is not None else None
    record(actor=actor, project=Project(pk=project_id), action=action, subject=subject, before=before, after=after)
