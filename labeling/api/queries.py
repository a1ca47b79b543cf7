"""Values of query parameters, checked."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from labeling.rest import MAX_BIGINT

YES, NO = {"true", "1"}, {"false", "0"}


def yes_no(request: Request, name: str) -> bool | None:
    """true or false; None when it is not given.

    Raises:
        ValidationError: another value.
    """
    value = request.query_params.get(name)
    if value is None:
        return None
    if value not in YES | NO:
        raise ValidationError({name: [f"{value[:40]!r} is neither true nor false"]})
    return value in YES


def choice(request: Request, name: str, choices: Iterable[str], *, default: str) -> str:
    """One of the choices.

    Raises:
        ValidationError: another value.
    """
    value = request.query_params.get(name, default)
    allowed = [str(option) for option in choices]
    if value not in allowed:
        raise ValidationError({name: [f"{value[:40]!r} is none of {', '.join(allowed)}"]})
    return value


def identifier(request: Request, name: str) -> int | None:
    """The id of something; None when it is not given.

    Raises:
        ValidationError: no whole number that can be an id.
    """
    value = request.query_params.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", value) or int(value) > MAX_BIGINT:
        raise ValidationError({name: [f"{value[:40]!r} is not an id"]})
    return int(value)


def words(request: Request, name: str) -> str:
    """A text to look for.

    Raises:
        ValidationError: a NUL character, which no stored text has.
    """
    value = request.query_params.get(name, "")
    if "\x00" in value:
        raise ValidationError({name: ["a NUL character is in no text"]})
    return value


def day(request: Request, name: str) -> dt.date | None:
    """A day as 2026-01-31; None when it is not given.

    Raises:
        ValidationError: no such day.
    """
    value = request.query_params.get(name)
    if value is None:
        return None
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError
        return dt.date.fromisoformat(value)
    except ValueError:
        raise ValidationError({name: [f"{value[:40]!r} is not a day like 2026-01-31"]}) from None
