"""CSV for spreadsheets, with lists as JSON. A text that a spreadsheet would run as a formula gets a ' before it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from labeling.exports.views import Row, View

CONTENT_TYPE = "text/csv; charset=utf-8"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write(rows: Iterator[Row], *, view: View) -> Iterator[bytes]:
    """The file, a row at a time, the header first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def line(cells: list[object]) -> bytes:
        writer.writerow(cells)
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text.encode()

    yield line(list(view.columns))
    for row in rows:
        yield line([cell(row[name]) for name in view.columns])


def cell(value: object) -> object:
    """A value as it stands in a cell: null is empty, lists are JSON, no text starts a formula."""
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
