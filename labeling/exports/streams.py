"""An export as a stream of bytes, and the manifest of what has passed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from django.utils.translation import gettext, override

from labeling.errors import Invalid
from labeling.exports import csv, jsonl, parquet
from labeling.exports.views import VIEWS, Row, View
from labeling.models import Project, Snapshot
from labeling.selectors.judgements import EVERYTHING
from labeling.selectors.labels import latest_label
from labeling.selectors.selection import Selection

CHUNK_BYTES = 64 * 1024


class FileFormat(StrEnum):
    """How the rows are written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Writer(Protocol):
    """Rows to bytes."""

    def __call__(self, rows: Iterator[Row], *, view: View) -> Iterator[bytes]: ...


WRITERS: dict[FileFormat, tuple[Writer, str]] = {
    FileFormat.JSONL: (jsonl.write, jsonl.CONTENT_TYPE),
    FileFormat.CSV: (csv.write, csv.CONTENT_TYPE),
    FileFormat.PARQUET: (parquet.write, parquet.CONTENT_TYPE),
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

    @property
    def content_type(self) -> str:
        """What it is, for HTTP."""
        return WRITERS[self.file_format][1]

    @property
    def file_name(self) -> str:
        """A name that tells what is in it."""
        return f"{self.project.slug}-{self.view.name}-{self.up_to}.{self.file_format}"

    def stream(self, *, on_judgement: Callable[[int], None] | None = None) -> Iterator[bytes]:
        """The content, in pieces of 64 kB or of a row group; memory doesn't grow with the project.

        Args:
            on_judgement: called with the number of judgements read so far, for a progress bar.
        """
        writer, _ = WRITERS[self.file_format]
        pending = bytearray()
        for part in writer(self._rows(on_judgement), view=self.view):
            pending += part
            if len(pending) >= CHUNK_BYTES:
                yield self._passed(bytes(pending))
                pending.clear()
        if pending:
            yield self._passed(bytes(pending))

    def _rows(self, on_judgement: Callable[[int], None] | None) -> Iterator[Row]:
        for judgement in self.view.read(
            self.project, up_to=self.up_to, selection=self.selection, snapshot=self.snapshot
        ):
            self.counts["judgements"] += 1
            for row in self.view.rows(judgement, self.counts):
                self.counts["rows"] += 1
                yield row
            if on_judgement is not None:
                on_judgement(self.counts["judgements"])

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
) -> Export:
    """An export of what is stored now, or was stored up to a label.

    Raises:
        Invalid: no such view or format, or a label id that is none.
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
    newest = latest_label(project)
    return Export(
        project=project,
        view=VIEWS[view],
        file_format=FileFormat(file_format),
        selection=selection,
        up_to=newest if up_to is None else min(up_to, newest),
    )


def code_version() -> str:
    """The version of Prefloop that wrote a file."""
    try:
        return version("prefloop")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "unknown"
