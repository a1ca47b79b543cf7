"""CSV for spreadsheets, with lists as JSON. A text that a spreadsheet would run as a formula gets a ' before it.

So does one that has a ' there already: who takes one away where a formula follows has every text again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import orjson

from labeling.exports.views import Row, View

CONTENT_TYPE = "text/csv; charset=utf-8"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write(rows: Iterator[Row], *, view: View, is_start: bool = True) -> Iterator[bytes]:
    """The file, a row at a time, the header first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def line(cells: list[Any]) -> bytes:
        writer.writerow(cells)
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text.encode()

    if is_start:
        yield line(list(view.columns))
    for row in rows:
        yield line([cell(row[name]) for name in view.columns])


def cell(value: Any) -> Any:
    """A value as it stands in a cell: null is empty, lists are JSON, no text starts a formula."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value and value.lstrip("'").startswith(FORMULA_STARTS) else value
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return value
