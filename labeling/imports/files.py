"""A whole file into a project: one transaction, all rows or, when asked for, the good ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from django.db import connection, transaction
from django.utils.translation import gettext, ngettext

from labeling.errors import Invalid
from labeling.imports import cells, extras
from labeling.imports.ahead import one_ahead
from labeling.imports.formats import GROUPED, PARSERS, Format
from labeling.imports.groups import MAX_ROWS
from labeling.imports.reading import FileKind, Row, read_rows
from labeling.imports.records import Record
from labeling.imports.storing import Store, Stored
from labeling.imports.told import key_of
from labeling.models import Project
from labeling.services.tags import check_tags

BATCH_ROWS = 2000
MAX_LISTED = 1000
MAX_REASON_CHARACTERS = 500
MAX_REJECTED = 100_000
"""So many bad rows are reported; a file with more of them is not what it is said to be."""


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
    bytes_read: int = 0
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


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how an import goes.

    Attributes:
        rejected: called for every row that is not taken in, also for those past the 1,000 that are listed; by another
            thread, which has no connection to the database.
        progress: called at the beginning and after each 2,000 rows; what it raises ends the import, nothing is stored.
    """

    rejected: Callable[[Rejected], None] = lambda _: None
    progress: Callable[[Summary], None] = lambda _: None


class RowsRejected(Invalid):
    """Nothing was taken in, because of the rows that the summary lists."""

    code = "rows_rejected"

    def __init__(self, summary: Summary) -> None:
        first = summary.rejected[0]
        others = summary.num_rejected - 1
        said = gettext("nothing was imported: line {line}: {reason}")
        if others:
            said = ngettext(
                "nothing was imported: line {line}: {reason} (and {others:,} more row)",
                "nothing was imported: line {line}: {reason} (and {others:,} more rows)",
                others,
            )
        super().__init__(said.format(line=first.line, reason=first.reason, others=others))
        self.summary = summary


def import_file(
    file: BinaryIO,
    *,
    project: Project,
    file_format: Format,
    kind: FileKind = FileKind.JSONL,
    source: str = "",
    keep_good: bool = False,
    tags: object = None,
    watch: Watch | None = None,
) -> Summary:
    """Take a file into a project. Repeating it stores nothing twice.

    Args:
        file: binary and seekable; gzip is unpacked on the way.
        keep_good: store the good rows and list the others, instead of storing nothing when one is bad.
        tags: given to every prompt of the file.
        watch: who is told how it goes.

    Raises:
        RowsRejected: a bad row, and the good ones were not to be kept alone.
        Invalid: the file as a whole can't be read, changed meanwhile or has no rows, or a tag is none; nothing was
            stored.
    """
    summary, watch = Summary(), watch or Watch()
    names = check_tags(tags)
    before = _stamp(file)
    watch.progress(summary)
    with transaction.atomic():
        # Two imports of one file at once would both find nothing; the labels' key shares pass this lock.
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        check_references_at_once()
        store = Store(project=locked, source=source[:200], tags=names, stored=summary.stored)
        checked = _Checked(file_format, kind, summary, watch.rejected, flags=locked.all_questions)
        for batch in one_ahead(_batches(checked.records(file), file, summary, keep_good=keep_good)):
            if batch:
                store.add(batch)
            watch.progress(summary)
        if summary.num_rejected and not keep_good:
            raise RowsRejected(summary)
        store.finish()
        if not summary.rows:
            raise Invalid(gettext("the file has no rows"))
        if _stamp(file) != before:
            raise Invalid(gettext("the file changed while it was read: nothing was imported, import it again"))
    return summary


def check_references_at_once() -> None:
    """Have foreign keys checked with each statement of this transaction, not all at its end while the reader idles."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _stamp(file: BinaryIO) -> tuple[int, int] | None:
    """Size and last change of a file on disk; None of one in memory, which nobody else can change."""
    try:
        found = os.fstat(file.fileno())
    except (OSError, AttributeError):
        return None
    return found.st_size, found.st_mtime_ns


def _batches(records: Iterator[Record], file: BinaryIO, summary: Summary, *, keep_good: bool) -> Iterator[list[Record]]:
    """Records a few thousand at a time; empty ones once a bad row says that only the list of bad rows is wanted."""
    while batch := list(islice(records, BATCH_ROWS)):
        summary.bytes_read = file.tell()
        yield batch if keep_good or not summary.num_rejected else []


@dataclass(slots=True)
class _Checked:
    """Rows of a file as records; those that are none are told."""

    file_format: Format
    kind: FileKind
    summary: Summary
    on_rejected: Callable[[Rejected], None]
    flags: Collection[str]

    def records(self, file: BinaryIO) -> Iterator[Record]:
        """Each row's record; of a format whose judgements go over several rows, each group's."""
        if self.file_format not in GROUPED:
            for line, value in self._values(file):
                yield from self._record([value], line)
            return
        group: list[dict[str, Any]] = []
        begins, key = 0, ""
        for line, value in self._values(file):
            own = key_of(value)
            if group and not (own and own == key):
                yield from self._record(group, begins)
                group = []
            if not group:
                begins, key = line, own
            if len(group) <= MAX_ROWS:  # the one too many refuses the group; a file of nothing else fills no memory
                group.append(value)
        if group:
            yield from self._record(group, begins)

    def _values(self, file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
        for row in read_rows(file, kind=self.kind):
            self.summary.rows += 1
            if row.value is None:
                self._reject(row, row.error)
            else:
                yield row.line, cells.decoded(row.value) if self.kind is FileKind.CSV else row.value

    def _record(self, values: list[dict[str, Any]], line: int) -> Iterator[Record]:
        parse, columns = PARSERS[self.file_format]
        value, known = values[0], columns | extras.COLUMNS
        try:
            parsed = parse(value) if len(values) == 1 else GROUPED[self.file_format](values)
            record = extras.with_extras(parsed, value, flags=self.flags)
        except Invalid as error:
            self._reject(Row(line, None), error.message)
        except RecursionError:
            self._reject(Row(line, None), gettext("nested too deep"))
        else:
            self.summary.turns_left_out += record.turns_left_out
            if not value.keys() <= known and len(self.summary.ignored_columns) < 50:
                self.summary.ignored_columns |= {str(name)[:100] for name in islice(value.keys() - known, 50)}
            yield record

    def _reject(self, row: Row, reason: str) -> None:
        rejected = Rejected(row.line, reason[:MAX_REASON_CHARACTERS])
        self.summary.num_rejected += 1
        if len(self.summary.rejected) < MAX_LISTED:
            self.summary.rejected.append(rejected)
        self.on_rejected(rejected)
        if self.summary.num_rejected == MAX_REJECTED:
            raise Invalid(
                gettext(
                    "line {line}: this is bad row number {count:,}, and no more are read; the first was line {first}: "
                    "{reason}"
                ).format(
                    line=row.line,
                    count=MAX_REJECTED,
                    first=self.summary.rejected[0].line,
                    reason=self.summary.rejected[0].reason,
                )
            )
