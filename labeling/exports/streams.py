"""An export as a stream of bytes, and the manifest of what has passed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from typing import Any, Protocol

from django.utils.translation import gettext, override

from labeling.errors import Invalid
from labeling.exports import csv, jsonl, parquet
from labeling.exports.marks import Marks
from labeling.exports.rows import Row, View
from labeling.exports.views import VIEWS
from labeling.models import Project, Snapshot
from labeling.selectors.judgements import EVERYTHING
from labeling.selectors.labels import latest_label
from labeling.selectors.selection import Selection
from labeling.selectors.writers import tells_models

CHUNK_BYTES = 64 * 1024
AT_ONCE = 32
"""So many judgements, or as many as fill 64 kB, become bytes together."""
LAYOUT = 2
"""Counts the ways in which files were written: of a snapshot nobody takes up what was begun in another one."""


class FileFormat(StrEnum):
    """How the rows are written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Writer(Protocol):
    """Rows to bytes."""

    def __init__(self, view: View) -> None: ...
    def begin(self) -> bytes: ...
    def add(self, rows: Iterable[Row]) -> bytes: ...
    def end(self) -> bytes: ...


WRITERS: dict[FileFormat, tuple[type[Writer], str]] = {
    FileFormat.JSONL: (jsonl.Writer, jsonl.CONTENT_TYPE),
    FileFormat.CSV: (csv.Writer, csv.CONTENT_TYPE),
    FileFormat.PARQUET: (parquet.Writer, parquet.CONTENT_TYPE),
}


@dataclass(slots=True)
class Export:
    """One pass over a project's current judgements, up to a label, so that it can be repeated.

    ``counts`` and the digest are complete when the stream has come to its end.
    """

    project: Project
    view: View
    file_format: FileFormat
    selection: Selection
    up_to: int
    snapshot: Snapshot | None = None
    counts: Counter[str] = field(default_factory=Counter)
    num_bytes: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        if self.view.of_models and tells_models(
            self.project, view=self.view.name, selection=self.selection, up_to=self.up_to, snapshot=self.snapshot
        ):
            self.view = self.view.with_models()

    @property
    def content_type(self) -> str:
        """What it is, for HTTP."""
        return WRITERS[self.file_format][1]

    @property
    def file_name(self) -> str:
        """A name that tells what is in it."""
        which = self.up_to if self.snapshot is None else self.snapshot.name
        return f"{self.project.slug}-{self.view.name}-{which}.{self.file_format}"

    @property
    def key(self) -> str:
        """What the bytes of a snapshot's file depend on, for an ETag; "" for live labels, which may change."""
        if self.snapshot is None:
            return ""
        said = (
            f"{self.snapshot.pk} {self.snapshot.digest} {self.view.name} {self.file_format} {LAYOUT} {code_version()}"
        )
        return hashlib.sha256(said.encode()).hexdigest()

    def stream(self, *, on_judgement: Callable[[int], None] | None = None, begin: int = 0) -> Iterator[bytes]:
        """The content, in pieces of 64 kB or of a row group; memory doesn't grow with the project.

        Args:
            on_judgement: called now and then with the number of judgements written so far, for a progress bar.
            begin: leave out so many bytes of a snapshot's file. They are made again only from the last mark on; the
                counts and the digest are then of a part and mean nothing.
        """
        writer = WRITERS[self.file_format][0](self.view)
        marks = Marks(self.snapshot, self.key, is_resumable=self.file_format is not FileFormat.PARQUET)
        after = marks.begin(begin)
        skip = begin - marks.position
        for part in self._parts(writer, marks, on_judgement, after):
            marks.position += len(part)
            if skip:
                part, skip = part[skip:], max(skip - len(part), 0)
            if part:
                yield self._passed(part)
        marks.end(sha256="" if begin else self._digest.hexdigest())

    def _parts(
        self, writer: Writer, marks: Marks, on_judgement: Callable[[int], None] | None, after: int
    ) -> Iterator[bytes]:
        """What the writer makes of one judgement after the other, in pieces of 64 kB or more."""
        read = self.view.read(
            self.project, up_to=self.up_to, selection=self.selection, snapshot=self.snapshot, after=after
        )
        size, counts, make, number, num_rows = 0, self.counts, self.view.rows, 0, 0
        pending = [b"" if marks.position else writer.begin()]
        some = 1
        while judged := list(islice(read, some)):
            number += len(judged)
            rows = [row for judgement in judged for row in make(judgement, counts)]
            num_rows += len(rows)
            part = writer.add(rows)
            pending.append(part)
            size += len(part)
            if size >= CHUNK_BYTES:
                yield b"".join(pending)
                pending, size = [], 0
                marks.passed(getattr(judged[-1], self.view.key))  # all of it is written
            if on_judgement is not None:
                on_judgement(number)
            some = max(min(some * CHUNK_BYTES // max(len(part), 1), AT_ONCE), 1)
        counts["judgements"], counts["rows"] = number, num_rows
        yield b"".join([*pending, writer.end()])

    def _passed(self, part: bytes) -> bytes:
        self._digest.update(part)
        self.num_bytes += len(part)
        return part

    def manifest(self) -> dict[str, Any]:
        """What the stream held: read it to its end first. Equal labels and filters give an equal manifest."""
        with override("en"):  # whoever asks for it
            flags = {question.code: question.label for question in self.project.all_questions.values()}
        return {
            "project": self.project.slug,
            "view": self.view.name,
            "format": str(self.file_format),
            "snapshot": self.snapshot.name if self.snapshot is not None else None,
            "filters": {"held_out": self.selection.held_out, **self.selection.to_dict(), "up_to": self.up_to},
            "counts": {name: self.counts[name] for name in sorted({"judgements", "rows", *self.counts})},
            "columns": dict(self.view.columns),
            "flags": flags,
            "bytes": self.num_bytes,
            "sha256": self._digest.hexdigest(),
            "code_version": code_version(),
        }


def make_export(
    *,
    project: Project,
    view: str = "comparisons",
    file_format: str = "jsonl",
    selection: Selection = EVERYTHING,
    up_to: int | None = None,
    snapshot: Snapshot | None = None,
) -> Export:
    """An export of what is stored now, or was stored up to a label, or is kept in a snapshot.

    Raises:
        Invalid: no such view or format, a label id that is none, or filters beside a snapshot.
    """
    if view not in VIEWS:
        raise Invalid(
            gettext("there is no view {view!r}: use one of {views}").format(view=view, views=", ".join(VIEWS))
        )
    if file_format not in list(FileFormat):
        raise Invalid(
            gettext("there is no format {file_format!r}: use one of {fileformat}").format(
                file_format=file_format, fileformat=", ".join(FileFormat)
            )
        )
    if up_to is not None and up_to < 0:
        raise Invalid(gettext("up_to is {up_to}: give the id of a label").format(up_to=up_to))
    if snapshot is not None and (up_to is not None or selection != EVERYTHING):
        raise Invalid(gettext("a snapshot was chosen by its filters when it was made: give no others beside it"))
    newest = snapshot.up_to if snapshot is not None else latest_label(project)
    return Export(
        project=project,
        view=VIEWS[view],
        file_format=FileFormat(file_format),
        selection=selection,
        up_to=newest if up_to is None else min(up_to, newest),
        snapshot=snapshot,
    )


def code_version() -> str:
    """The version of Prefloop that wrote a file."""
    try:
        return version("prefloop")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "unknown"
