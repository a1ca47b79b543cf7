"""JSON lines: one object for each row, UTF-8."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from labeling.exports.rows import Row, View

CONTENT_TYPE = "application/x-ndjson"


class Writer:
    """The file, a few rows at a time."""

    def __init__(self, view: View) -> None:
        """Lines name their columns themselves."""

    def begin(self) -> bytes:
        """Nothing stands before the first row."""
        return b""

    def add(self, rows: Iterable[Row]) -> bytes:
        """The lines of some rows."""
        return b"".join([orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows])

    def end(self) -> bytes:
        """Nothing stands behind the last row."""
        return b""
