"""A whole file into a project: one transaction, all rows or, when asked for, the good ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, BinaryIO

from django.db import transaction
from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports import hh, openrlhf, prompts, ranked, trl
from labeling.imports.reading import FileKind, Row, read_rows
from labeling.imports.records import Record
from labeling.imports.storing import Store, Stored
from labeling.models import Project
from labeling.services.topics import check_topics

BATCH_ROWS = 1000
MAX_LISTED = 1000
ANYWHERE = {"topics"}  # a column of every format


class Format(StrEnum):
    """What a row means."""

    PROMPTS = "prompts"
    HH = "hh"
    TRL = "trl"
    OPENRLHF = "openrlhf"
    RANKED = "ranked"


PARSERS: dict[Format, tuple[Callable[[dict[str, Any]], Record], frozenset[str]]] = {
    Format.PROMPTS: (prompts.parse, prompts.COLUMNS),
    Format.HH: (hh.parse, hh.COLUMNS),
    Format.TRL: (trl.parse, trl.COLUMNS),
    Format.OPENRLHF: (openrlhf.parse, openrlhf.COLUMNS),
    Format.RANKED: (ranked.parse, ranked.COLUMNS),
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken in: its line, from 1, and the reason."""

    line: int
    reason: str


@dataclass(slots=True)
class Summary:
    """What came of a file. ``rejected`` lists the first 1,000 rows that were not taken in, num_rejected counts all.

    ``turns_left_out`` counts turns after a user's last one, which are no part of a prompt; ``ignored_columns`` names
    columns that the format has no use for.
    """

    rows: int = 0
    stored: Stored = field(default_factory=Stored)
    num_rejected: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    turns_left_out: int = 0
    ignored_columns: set[str] = field(default_factory=set)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "rows": self.rows,
            **asdict(self.stored),
            "num_rejected": self.num_rejected,
            "rejected": [asdict(row) for row in self.rejected],
            "turns_left_out": self.turns_left_out,
            "ignored_columns": sorted(self.ignored_columns),
        }


class RowsRejected(Invalid):
    """Nothing was taken in, because of the rows that the summary lists."""

    code = "rows_rejected"

    def __init__(self, summary: Summary) -> None:
        first = summary.rejected[0]
        others = f" (and {summary.num_rejected - 1:,} more rows)" if summary.num_rejected > 1 else ""
        super().__init__(f"nothing was imported: line {first.line}: {first.reason}{others}")
        self.summary = summary


def import_file(
    file: BinaryIO,
    *,
    project: Project,
    file_format: Format,
    kind: FileKind = FileKind.JSONL,
    source: str = "",
    keep_good: bool = False,
    on_rejected: Callable[[Rejected], None] | None = None,
) -> Summary:
    """Take a file into a project. Repeating it stores nothing twice.

    Args:
        file: binary and seekable; gzip is unpacked on the way.
        keep_good: store the good rows and list the others, instead of storing nothing when one is bad.
        on_rejected: called for every row that is not taken in, also for those past the 1,000 that are listed.

    Raises:
        RowsRejected: a bad row, and the good ones were not to be kept alone.
        Invalid: the file as a whole can't be read, or has no rows; nothing was stored.
    """
    summary = Summary()
    with transaction.atomic():
        # Two imports of one file at once would both find nothing; the labels' key shares pass this lock.
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        store = Store(project=locked, source=source[:200], stored=summary.stored)
        batch: list[Record] = []
        for record in _records(
            read_rows(file, kind=kind), file_format, summary, on_rejected, flags=locked.all_questions
        ):
            if summary.num_rejected and not keep_good:
                continue  # only the list of bad rows is wanted from here on
            batch.append(record)
            if len(batch) == BATCH_ROWS:
                store.add(batch)
                batch = []
        if summary.num_rejected and not keep_good:
            raise RowsRejected(summary)
        if not summary.rows:
            raise Invalid(gettext("the file has no rows"))
        store.add(batch)
    return summary


def _records(
    rows: Iterator[Row],
    file_format: Format,
    summary: Summary,
    on_rejected: Callable[[Rejected], None] | None,
    *,
    flags: Collection[str],
) -> Iterator[Record]:
    parse, columns = PARSERS[file_format]
    for row in rows:
        summary.rows += 1
        reason = row.error
        if row.value is not None:
            try:
                record = replace(parse(row.value), topics=tuple(check_topics(row.value.get("topics"))))
                _check_flags(record, flags)
            except Invalid as error:
                reason = error.message
            else:
                summary.turns_left_out += record.turns_left_out
                if len(summary.ignored_columns) < 50:
                    summary.ignored_columns |= row.value.keys() - columns - ANYWHERE
                yield record
                continue
        rejected = Rejected(row.line, reason)
        summary.num_rejected += 1
        if len(summary.rejected) < MAX_LISTED:
            summary.rejected.append(rejected)
        if on_rejected is not None:
            on_rejected(rejected)


def _check_flags(record: Record, known: Collection[str]) -> None:
    for code in (code for codes in record.flags for code in codes):
        if code not in known:
            raise Invalid(gettext("there is no flag {code!r}: use {known}").format(code=code, known=", ".join(known)))
