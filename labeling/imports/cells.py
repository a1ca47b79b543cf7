"""Cells of a CSV as the values of a row: lists and messages stand in them as JSON, nothing is null."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

TEXTS = frozenset({"prompt", "input", "chosen", "rejected", "completion", "suggestion"})
"""Columns of texts, which may be messages: a text that happens to be JSON of another kind stays a text."""
MAY_BE_EMPTY = frozenset({"chosen", "rejected"})
LISTS = frozenset({"messages", "completions", "ranks", "ratings", "flags", "raised", "ranking_ids"})
NAMES = frozenset({"topics", "tags"})
"""Lists of names, as JSON or with commas."""
NUMBERS = frozenset(
    {"best", "priority", "strength", "guidelines_version", "rating", "rank", "policy", "turns"}
    | {f"{side}_{name}" for side in ("chosen", "rejected") for name in ("rating", "policy")}
)
FLOATS = frozenset({"seconds", "propensity", "random_propensity", "margin"})
TRUTHS = frozenset({"is_extra", "is_random", "held_out", "label", "is_finished"})
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""exports.csv puts a ' before these, and before each ' that stands there already."""


def decoded(cells: Mapping[str, str]) -> dict[str, Any]:
    """The row. An empty cell of a column that is no text is as if the row had no such column."""
    values = {name: _value(name, cell) for name, cell in cells.items()}
    return {name: value for name, value in values.items() if value is not None}


def _value(name: str, cell: str) -> Any:
    if name in TEXTS and (cell or name in MAY_BE_EMPTY):
        messages = _json(cell) if cell.startswith("[") else None
        if isinstance(messages, list) and messages and all(isinstance(turn, dict) for turn in messages):
            return messages
        return _unguarded(cell)
    if not cell:
        return None
    if name in LISTS or (name in NAMES and cell.startswith("[")):
        found = _json(cell)
        return cell if found is None else found
    if name in NUMBERS and cell.lstrip("-").isdecimal() and len(cell) < 20:
        return int(cell)
    if name in FLOATS:
        return _number(cell)
    if name in TRUTHS:
        return {"true": True, "false": False}.get(cell.lower(), cell)
    return _unguarded(cell)


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA_STARTS) else cell


def _number(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return cell


def _json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None
