"""Which models of elsewhere wrote the completions of a row, by the names that files give them.

Entries of lists name theirs as {"text": ..., "model": ...}, rows about one completion as "model", and pairs as
"chosen_model" and "rejected_model", which sets on the hub also write with a hyphen (UltraFeedback).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports.records import Record
from labeling.models import MAX_MODEL_CHARACTERS
from labeling.services.texts import check_text

SIDES = ("chosen", "rejected")
COLUMNS = frozenset({f"{side}{mark}model" for side in SIDES for mark in "_-"})


def check_model(name: object) -> str | None:
    """The name of a model, white space as one space; None where there is none.

    Raises:
        Invalid: no text, or a longer one than is kept.
    """
    if name is None or name == "":
        return None
    checked = " ".join(check_text(name, name="a model's name").split())
    if len(checked) > MAX_MODEL_CHARACTERS:
        raise Invalid(
            gettext("the model's name {name!r} has {count} characters: at most {most} are taken").format(
                name=checked[:30], count=len(checked), most=MAX_MODEL_CHARACTERS
            )
        )
    return checked or None


def of_entries(completions: object) -> list[Any]:
    """What the entries of a list of completions say; nothing where none says anything."""
    if not isinstance(completions, list) or not any(isinstance(each, dict) and "model" in each for each in completions):
        return []
    return [each.get("model") if isinstance(each, dict) else None for each in completions]


def of_side(row: Mapping[str, Any], side: str) -> Any:
    """What a row says of "chosen" or "rejected"."""
    name = row.get(f"{side}_model")
    return row.get(f"{side}-model") if name is None else name


def of_pair(row: Mapping[str, Any]) -> list[Any]:
    """What a row of a pair says of chosen and rejected; nothing where it has no such column."""
    return [] if COLUMNS.isdisjoint(row) else [of_side(row, side) for side in SIDES]


def with_models(record: Record, names: Sequence[Any]) -> Record:
    """The record with the names of who wrote its texts, in their order; most rows have none.

    Raises:
        Invalid: a name that is none.
    """
    if not any(names):
        return record
    models = [check_model(name) for name in names]
    return replace(record, models=tuple(models)) if any(models) else record
