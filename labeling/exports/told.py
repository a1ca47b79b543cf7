"""What the file of an imported judgement said beside: an export repeats it in the columns of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def told(row: dict[str, Any], said: Mapping[str, Any], place: int | None = None) -> dict[str, Any]:
    """The row with what was said. Of a list that has a value for each completion, under the name of the list of the
    column (``ranks`` for ``rank``), a row about one completion takes its own."""
    for name, value in said.items():
        if name in row:
            row[name] = value
    if place is not None and "shown_ranks" in said:
        row["rank"] = said["shown_ranks"][place]
    return row
