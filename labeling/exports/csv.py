"""CSV for spreadsheets, with lists as JSON. A text that a spreadsheet would run as a formula gets a ' before it.

So does one that has a ' there already: who takes one away where a formula follows has every text again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

import orjson

from labeling.exports.rows import Row, View

CONTENT_TYPE = "text/csv; charset=utf-8"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
QUOTED = re.compile(r'[,"\r\n]')


class Writer:
    """The file, a few rows at a time, the header first. Python's csv module goes through texts letter by letter, which
    took most of the time."""

    def __init__(self, view: View) -> None:
        self._header = ",".join(view.columns) + "\r\n"
        self._values = itemgetter(*view.columns)
        self._may_lack = [name for name in view.of_models if name in view.columns]
        self._cells = [_CELLS.get(kind, _list) for kind in view.columns.values()]

    def begin(self) -> bytes:
        """The header."""
        return self._header.encode()

    def add(self, rows: Iterable[Row]) -> bytes:
        """The lines of some rows. What stands in many of them, as a prompt does in all pairs, is written out once."""
        known: dict[int, str] = {}
        lines = []
        kept = list(rows)  # so that no value gets the id of another one
        for row in kept:
            for name in self._may_lack:
                row.setdefault(name, None)
            cells = []
            for make, value in zip(self._cells, self._values(row), strict=True):
                if value is None:
                    cells.append("")
                elif make is str:
                    cells.append(str(value))
                else:
                    cell = known.get(id(value))
                    if cell is None:
                        cell = known[id(value)] = make(value)
                    cells.append(cell)
            lines.append(",".join(cells) + "\r\n")
        return "".join(lines).encode()

    def end(self) -> bytes:
        """Nothing stands behind the last row."""
        return b""


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if QUOTED.search(cell) else cell


def _text(value: str) -> str:
    return _quoted(f"'{value}" if value.lstrip("'").startswith(FORMULA_STARTS) else value)


def _list(value: Any) -> str:
    return _quoted(orjson.dumps(value).decode())


_CELLS: dict[str, Callable[[Any], str]] = {"text": _text, "int": str, "float": str, "bool": str}
