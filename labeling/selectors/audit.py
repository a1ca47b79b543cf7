"""Reads of the audit log."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from labeling.models import ACTIONS, AuditEntry, Project, User

PAGE = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for; what is None or empty is not asked about."""

    person: int | None = None
    action: str = ""
    since: dt.date | None = None
    until: dt.date | None = None


def entries(project: Project, wanted: Wanted) -> QuerySet[AuditEntry]:
    """A project's entries with their people, the newest first; days are whole ones in UTC.

    Args:
        wanted: ``person`` is who made the change, or whom it is about.
    """
    rows = AuditEntry.objects.select_related("actor", "person").filter(project=project).order_by("-id")
    if wanted.person is not None:
        rows = rows.filter(Q(actor=wanted.person) | Q(person=wanted.person))
    if wanted.action:
        rows = rows.filter(action=wanted.action)
    if wanted.since is not None:
        rows = rows.filter(created__gte=dt.datetime.combine(wanted.since, dt.time.min, tzinfo=dt.UTC))
    if wanted.until is not None:
        rows = rows.filter(created__lte=dt.datetime.combine(wanted.until, dt.time.max, tzinfo=dt.UTC))
    return rows


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, and the id before which the next page begins; None when there is none."""

    entries: list[AuditEntry]
    before: int | None


def page_of(rows: QuerySet[AuditEntry], *, before: int | None = None) -> Page:
    """The newest entries before one."""
    found = list((rows if before is None else rows.filter(pk__lt=before))[: PAGE + 1])
    return Page(entries=found[:PAGE], before=found[PAGE - 1].pk if len(found) > PAGE else None)


def people_of(project: Project) -> QuerySet[User]:
    """Who may stand in the log of a project: its members, those of before too, by name."""
    return User.objects.filter(memberships__project=project).order_by("username")


def changes(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """What changed: name, what it was (empty when that was not recorded), what it is."""
    before, after = entry.before or {}, entry.after or {}
    if not isinstance(before, dict) or not isinstance(after, dict):
        return [("", in_words(entry.before), in_words(entry.after))]
    return [
        (name, in_words(before[name]) if name in before else "", in_words(after.get(name)))
        for name in {**before, **after}
        if name in before or after[name] not in (None, [], {})
    ]


def in_words(value: Any) -> str:
    """A recorded value as people read it."""
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(in_words(each) for each in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def said(entry: AuditEntry) -> str:
    """What was done, in words."""
    return str(ACTIONS.get(entry.action, entry.action))
