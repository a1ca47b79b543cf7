"""Which labels are meant: the filters that live exports and snapshots share, by page, API and command."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.models import Kind, Source

MAX_NAMES = 1000


class Superseded(StrEnum):
    """What becomes of labels that a revision replaced."""

    WITHOUT = "without"
    WITH = "with"
    ONLY = "only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Filters; those that are not given leave nothing out. Lists name what may be, one of them is enough."""

    kinds: tuple[str, ...] = ()
    """Kinds of judgement."""
    since: dt.datetime | None = None
    """The first moment, in UTC."""
    until: dt.datetime | None = None
    """The moment after the last, in UTC."""
    annotators: tuple[str, ...] = ()
    """Pseudonyms, as in exports."""
    groups: tuple[str, ...] = ()
    """Names of groups that the annotator is in."""
    agreement: float | None = None
    """The least share, from 0 to 1, of what others say about the same completions that is the same; labels of which
    nobody else says anything are left out."""
    tags: tuple[str, ...] = ()
    """Tags of the prompt."""
    policies: tuple[int, ...] = ()
    """Versions, one of which wrote one of the completions."""
    held_out: bool | None = None
    """Only held-out prompts, or only the others."""
    superseded: str = Superseded.WITHOUT
    """Whether labels that were revised are left out, taken as well, or taken alone."""
    sources: tuple[str, ...] = ()
    """Who judged: person, import, simulation."""
    extra: bool | None = None
    """Only judgements beyond the overlap, or only the others."""

    def to_dict(self) -> dict[str, Any]:
        """What was asked for and nothing else, always written the same way."""
        found: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value != each.default:
                shown = value.isoformat() if isinstance(value, dt.datetime) else value
                found[each.name] = sorted(set(shown)) if isinstance(shown, tuple) else shown
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Selection:
        """The reverse of to_dict.

        Raises:
            Invalid: a filter that there is none of, or a value that it can't have.
        """
        known = {each.name for each in fields(cls)}
        for name in values:
            if name not in known:
                raise Invalid(
                    gettext("there is no filter {name!r}: use {known}").format(
                        name=name[:40], known=", ".join(sorted(known))
                    )
                )
        given = {name: value for name, value in values.items() if value is not None}
        return _checked(cls(**{name: _value(name, value) for name, value in given.items()}))


LISTS = ("kinds", "annotators", "groups", "tags", "policies", "sources")
KNOWN = {"kinds": frozenset(Kind.values), "sources": frozenset(Source.values)}


def parse(words: Mapping[str, str | None]) -> Selection:
    """A selection from texts, as an address or a command line has them: lists with commas, yes and no as true, false.

    Raises:
        Invalid: see Selection.from_dict; names the filter and what stood there.
    """
    return Selection.from_dict({name: _read(name, text) for name, text in words.items() if text})


def to_words(selection: Selection) -> dict[str, str]:
    """The reverse of parse: what stands in an address."""
    return {name: _word(value) for name, value in selection.to_dict().items()}


def _word(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(name: str, text: str) -> Any:
    if name in LISTS:
        return [each.strip() for each in text.split(",") if each.strip()]
    if name in {"held_out", "extra"}:
        answers = {"true": True, "1": True, "false": False, "0": False}
        if text not in answers:
            raise _refused(name, text, gettext("say true or false"))
        return answers[text]
    return text


def _value(name: str, value: Any) -> Any:
    if name in LISTS:
        return _names(name, value)
    if name in {"since", "until"}:
        return _moment(name, value)
    if name == "agreement":
        return _share(value)
    if name in {"held_out", "extra"} and not isinstance(value, bool):
        raise _refused(name, value, gettext("say true or false"))
    return value


def _names(name: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or len(value) > MAX_NAMES:
        raise _refused(name, value, gettext("give a list of at most {count}").format(count=MAX_NAMES))
    if name == "policies":
        for each in value:
            if not (str(each).isdecimal() and str(each).isascii() and len(str(each)) < 10):
                raise _refused(name, each, gettext("give versions, as 3"))
        return tuple(sorted({int(each) for each in value}))
    allowed = KNOWN.get(name)
    for each in value:
        if not isinstance(each, str) or not _is_storable(each) or (allowed is not None and each not in allowed):
            remedy = gettext("give texts") if allowed is None else ", ".join(sorted(allowed))
            raise _refused(name, each, remedy)
    return tuple(sorted(set(value)))


def _is_storable(text: str) -> bool:
    """Whether the database could hold it: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _moment(name: str, value: Any) -> dt.datetime:
    """A day means its beginning; a time without a zone is in UTC."""
    moment = value
    if isinstance(value, str):
        try:
            moment = parse_date(value) or parse_datetime(value.replace(" ", "+") if "T" in value else value)
        except ValueError:
            moment = None
    if isinstance(moment, dt.date) and not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    if not isinstance(moment, dt.datetime):
        raise _refused(name, value, gettext("give a day as 2026-11-21, or a time as 2026-11-21T08:00:00Z"))
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:  # the year 1 or 9999, in another zone
        raise _refused(name, value, gettext("give a day as 2026-11-21, or a time as 2026-11-21T08:00:00Z")) from None


def _share(value: Any) -> float:
    try:
        share = float(value)
    except (TypeError, ValueError, OverflowError):
        share = -1.0
    if isinstance(value, bool) or not 0 <= share <= 1:
        raise _refused("agreement", value, gettext("give a share from 0 to 1, as 0.7"))
    return share


def _checked(selection: Selection) -> Selection:
    if selection.superseded not in list(Superseded):
        raise _refused("superseded", selection.superseded, ", ".join(Superseded))
    if selection.since and selection.until and selection.since >= selection.until:
        raise _refused("until", selection.until.isoformat(), gettext("give a time after since"))
    return replace(selection, superseded=str(selection.superseded))


def _refused(name: str, value: Any, remedy: str) -> Invalid:
    return Invalid(
        gettext("the filter {name} is {value!r}: {remedy}").format(name=name, value=str(value)[:80], remedy=remedy)
    )
