"""What a row of an export says of its judgement beside the judgement: kept with it, and said again by exports."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.models import Kind, Rule, Source
from labeling.models.keys import KEY

SHAPE = re.compile(KEY)
IDS = ("ranking_id", "label_id")


@dataclass(frozen=True, slots=True)
class Told:
    """``key`` names the judgement wherever it goes, "" where its row has no id; ``said`` is what an export says other
    than of a judgement that nothing is known of; ``held_out`` is the side that the prompt was on."""

    key: str = ""
    replaced_by: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    held_out: bool | None = None


def key_of(row: Mapping[str, Any]) -> str:
    """The id of a row's judgement; "" when it has none, or one that is no id of an export's."""
    found = next((row[name] for name in IDS if row.get(name) is not None), "")
    return found if isinstance(found, str) and SHAPE.fullmatch(found) else ""


def told_of(row: Mapping[str, Any]) -> Told | None:
    """What a row of an export says; None for rows of others, whose columns may mean something else.

    Raises:
        Invalid: a value that no export has.
    """
    key = key_of(row)
    if not key:
        return None
    replaced_by = row.get("superseded_by") or ""
    if replaced_by and not (isinstance(replaced_by, str) and SHAPE.fullmatch(replaced_by)):
        raise refused("superseded_by", replaced_by)
    said = {}
    for name, (is_one, unsaid) in SAID.items():
        value = row.get(name)
        if value is None or (value == unsaid and type(value) is type(unsaid)):
            continue
        if not is_one(value):
            raise refused(name, value)
        said[name] = float(value) if name in FLOATS else value
    held_out = row.get("held_out")
    if held_out is not None and not isinstance(held_out, bool):
        raise refused("held_out", held_out)
    return Told(key, replaced_by, said, held_out)


def policies_of(values: object, count: int) -> dict[str, list[int | None]]:
    """Which policy versions wrote the completions, for ``said``; nothing where none did.

    Raises:
        Invalid: no versions.
    """
    versions = values if isinstance(values, list) else []
    for version in versions:
        if version is not None and not _is_count(version):
            raise refused("policy_version", version)
    return {"policies": versions} if len(versions) == count and any(each is not None for each in versions) else {}


def refused(name: str, value: object) -> Invalid:
    """What is said of a value that no export has."""
    return Invalid(gettext("{name} is {value!r}, which no export says").format(name=name, value=str(value)[:80]))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _is_share(value: object) -> bool:
    return _is_number(value) and 0 < value <= 1  # type: ignore[operator]  # a number


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 100 and "\x00" not in value


FLOATS = frozenset({"seconds", "propensity", "random_propensity"})
SAID: dict[str, tuple[Callable[[object], bool], Any]] = {
    "kind": (lambda value: value in Kind.values, None),
    "annotator": (_is_name, ""),
    "source": (lambda value: value in Source.values, Source.IMPORT.value),
    "seconds": (_is_number, 0.0),
    "is_extra": (_is_bool, False),
    "guidelines_version": (_is_count, None),
    "rule": (lambda value: value in Rule.values, ""),
    "propensity": (_is_share, None),
    "random_propensity": (_is_share, None),
    "is_random": (_is_bool, False),
}
"""Of each column what may stand there, and what an export says of a judgement of which nothing is told."""
COLUMNS = frozenset({*SAID, *IDS, "superseded_by", "held_out", "prompt_id", "strength"})
