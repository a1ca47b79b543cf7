"""Ranked JSON lines, the format of the export's view "rankings": any number of completions, ties as equal ranks.

{"prompt": messages, "completions": [{"text": ...}, ...], "ranks": [1, 2, 2], "ratings": [6, 3, null],
"flags": [[], ...], "notes": ...}; ranks or ratings may be missing. In their place "best": 0 says that the first one was
picked.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports.prompts import texts_of
from labeling.imports.records import Record, make_record

COLUMNS = frozenset({"prompt", "completions", "ranks", "ratings", "flags", "notes", "best"})


def parse(row: dict[str, Any]) -> Record:
    """One row.

    Raises:
        Invalid: neither ranks nor ratings nor a pick, or a broken rule.
    """
    completions = texts_of(row.get("completions"))
    if not completions:
        raise Invalid(gettext('there are no "completions"'))
    record = make_record(
        prompt=row.get("prompt"),
        completions=completions,
        ranks=row.get("ranks"),
        ratings=row.get("ratings"),
        flags=row.get("flags"),
        notes=row.get("notes"),
        best=row.get("best"),
    )
    if not record.is_judged:
        raise Invalid(gettext('there are neither "ranks" nor "ratings" nor "best"'))
    return record
