"""What a row of any format may say beside its prompt: topics, tags, priority, and when it was judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports.records import Record
from labeling.services.tags import check_tags
from labeling.services.topics import check_topics

COLUMNS = frozenset({"topics", "tags", "category", "priority", "created"})
"""``category`` is a tag, too: no_robots has one in each row."""
PRIORITIES = range(-30_000, 30_001)
SKEW = dt.timedelta(minutes=5)
"""How far another machine's clock may be ahead."""


def with_extras(record: Record, row: Mapping[str, Any], *, flags: Collection[str]) -> Record:
    """The record with what its row says beside; most rows say nothing.

    Args:
        flags: the codes that the project knows.

    Raises:
        Invalid: an unknown topic or flag, a tag that is none, a priority out of range, or a date in the future.
    """
    if record.flags:
        _check_flags(record, flags)
    if COLUMNS.isdisjoint(row):
        return record
    return replace(
        record,
        topics=tuple(check_topics(row.get("topics"))),
        tags=tuple(check_tags([*check_tags(row.get("tags")), *_category(row.get("category"))])),
        priority=_priority(row.get("priority")),
        created=_created(row.get("created")),
    )


def _check_flags(record: Record, known: Collection[str]) -> None:
    for code in (code for codes in record.flags for code in codes):
        if code not in known:
            raise Invalid(gettext("there is no flag {code!r}: use {known}").format(code=code, known=", ".join(known)))


def _category(value: object) -> list[str]:
    """A category is one tag, commas and all."""
    if value is None or value == "":
        return []
    if not isinstance(value, str):
        raise Invalid(gettext("category is {type}, not a text").format(type=type(value).__name__))
    return [value.replace(",", " ")]


def _priority(value: object) -> int:
    if value is None or value == "":
        return 0
    if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
        value = int(value[:20])
    if not isinstance(value, int) or isinstance(value, bool) or value not in PRIORITIES:
        raise Invalid(
            gettext("the priority {value!r} is not a whole number from {lowest:,} to {highest:,}").format(
                value=value, lowest=PRIORITIES[0], highest=PRIORITIES[-1]
            )
        )
    return value


def _created(value: object) -> dt.datetime | None:
    """When a judgement was made; a time without a zone is UTC."""
    if value is None or value == "":
        return None
    try:
        moment = parse_datetime(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, dt.datetime):
        raise Invalid(
            gettext("created is {value!r}: write a time as in 2026-01-31T12:00:00Z").format(value=str(value)[:40])
        )
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    if moment > timezone.now() + SKEW:
        raise Invalid(gettext("created is {value}, which is in the future").format(value=moment.isoformat()))
    return moment
