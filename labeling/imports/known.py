"""Items with known answers out of a file: rows of the format "ranked", each with an "explanation" if there is one."""

from __future__ import annotations

from typing import Any, BinaryIO

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports import ranked
from labeling.imports.reading import FileKind, read_rows
from labeling.services.known import NewKnown

MAX_ROWS = 10_000


def read_known(file: BinaryIO, *, kind: FileKind = FileKind.JSONL) -> list[NewKnown]:
    """All rows; a known answer is worth being looked at, so one bad row refuses the file.

    Raises:
        Invalid: names the line and the reason; an empty file, or one of more than 10,000 rows.
    """
    found: list[NewKnown] = []
    for row in read_rows(file, kind=kind):
        if len(found) == MAX_ROWS:
            raise Invalid(gettext("the file has more than {most:,} rows: split it").format(most=MAX_ROWS))
        reason = row.error
        if row.value is not None:
            try:
                found.append(to_known(row.value))
            except Invalid as error:
                reason = error.message
        if reason:
            raise Invalid(gettext("line {line}: {reason}").format(line=row.line, reason=reason))
    if not found:
        raise Invalid(gettext("the file has no rows"))
    return found


def to_known(row: dict[str, Any]) -> NewKnown:
    """One row.

    Raises:
        Invalid: see imports.ranked.parse; or an explanation that is no text.
    """
    record = ranked.parse(row)
    explanation = row.get("explanation") or ""
    if not isinstance(explanation, str):
        raise Invalid(gettext("the explanation is {name}, not a text").format(name=type(explanation).__name__))
    return NewKnown(
        messages=record.messages,
        texts=record.completions,
        ranks=record.ranks,
        ratings=record.ratings,
        best=record.best,
        explanation=explanation,
    )
