"""JSON lines: one object for each row, UTF-8."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from labeling.exports.views import Row, View

CONTENT_TYPE = "application/x-ndjson"


def write(rows: Iterator[Row], *, view: View, is_start: bool = True) -> Iterator[bytes]:
    """The file, a row at a time."""
    for row in rows:
        yield orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
