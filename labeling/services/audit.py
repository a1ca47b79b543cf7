"""Remembering who changed what, in the transaction of the change."""

from __future__ import annotations

from typing import Any

from labeling.models import ACTIONS, AuditEntry, Project, User

MAX_TEXT = 200
"""Characters that are kept of a long text in ``before`` and ``after``."""


def record(
    *,
    actor: User | None,
    project: Project,
    action: str,
    subject: User | str = "",
    before: Any = None,
    after: Any = None,
) -> AuditEntry:
    """Write a line of the audit log. Call it inside the transaction that makes the change.

    Args:
        actor: who did it; None for a command or the loop.
        action: a code of models.audit.ACTIONS: add yours there, with its text.
        subject: what was changed, like "prompt 12", or the person whom it is about. Names of people are never written
            into a text: they would outlive the deletion of personal data.
        before, after: what it was and what it is, as JSON; only what changed. Long texts are cut.

    Raises:
        ValueError: an action that has no text.
    """
    if action not in ACTIONS:
        raise ValueError(f"{action!r} has no text in models.audit.ACTIONS: add it there")
    person = subject if isinstance(subject, User) else None
    return AuditEntry.objects.create(
        actor=actor,
        project=project,
        action=action,
        person=person,
        subject="" if isinstance(subject, User) else subject[:MAX_TEXT],
        before=_short(before),
        after=_short(after),
    )


def difference(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entries that are not the same in both, as they were and as they are."""
    changed = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in changed}, {name: after[name] for name in changed}


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else f"{value[:MAX_TEXT]}…"
    if isinstance(value, dict):
        return {str(key): _short(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_short(entry) for entry in value[:50]]
    return value
