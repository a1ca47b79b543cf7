"""JSON lines: one object for each row, UTF-8."""

from __future__ import annotations

import json
from collections.abc import Iterator

from labeling.exports.views import Row, View

CONTENT_TYPE = "application/x-ndjson"


def write(rows: Iterator[Row], *, view: View) -> Iterator[bytes]:
    """The file, a row at a time."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
