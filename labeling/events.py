"""Events for open pages and the worker: PostgreSQL NOTIFY, so they leave with the commit and never before it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

CHANNEL = "prefloop"
MAX_BYTES = 7_900  # NOTIFY takes at most 8,000


ACCESS = "access"
"""To ``of_person``: a session of theirs ended, or what they may do is less. Sent by the database (migration 0019)."""


def of_person(user_id: int) -> str:
    """Where events are sent that are about a person; no project has such a name."""
    return f"@{user_id}"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a project: ``label``, ``items``, ``run``, ``metric``, ``policy``, ..."""

    project: str
    name: str
    details: dict[str, Any] = field(default_factory=dict)


def publish(project: str, event: str, **details: Any) -> None:
    """Tell whoever listens that something happened in a project.

    Inside a transaction the event is sent when it commits and dropped when it rolls back. Details are ids and small
    numbers: a page reads the state from the database.

    Raises:
        ValueError: the details do not fit into one notification.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload(project, event, **details)])


def payload(project: str, event: str, **details: Any) -> str:
    """What is sent, for a statement that sends it by itself.

    Raises:
        ValueError: the details do not fit into one notification.
    """
    text = json.dumps({"project": project, "event": event, **details})
    if len(text.encode()) > MAX_BYTES:
        raise ValueError(f"event {event!r} has {len(text):,} bytes, at most {MAX_BYTES:,} fit: send ids, not texts")
    return text


def parse(text: str) -> Event:
    """The event of a notification."""
    details = json.loads(text)
    return Event(project=details.pop("project"), name=details.pop("event"), details=details)
