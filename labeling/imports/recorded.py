"""Imports that are remembered: asked for, run at once or by the importer, cancelled, with a report in the end."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext

from labeling.errors import Conflict, Invalid
from labeling.imports.files import Rejected, RowsRejected, Summary, Watch, import_file
from labeling.imports.formats import Format
from labeling.imports.reading import FileKind
from labeling.models import Import, ImportState, Project, RejectedRow, User
from labeling.services.tags import check_tags

AT_ONCE_BYTES = 1_000_000
"""A file up to this size is taken in while its sender waits: about a second."""
COPY_BYTES = 1024 * 1024
logger = logging.getLogger(__name__)


class Cancelled(Conflict):
    """Somebody asked that an import ends."""

    code = "cancelled"


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that somebody brought, and what it is said to be."""

    name: str
    file_format: Format
    kind: FileKind
    keep_good: bool = False
    tags: object = None


def ask_for(brought: Brought, *, project: Project, by: User | None, num_bytes: int = 0) -> Import:
    """Remember an import that is about to be run by the caller.

    Raises:
        Invalid: a tag that is none.
    """
    return Import.objects.create(
        project=project,
        requested_by=by,
        file_name=brought.name[:200],
        file_format=brought.file_format.value,
        kind=brought.kind.value,
        keep_good=brought.keep_good,
        tags=check_tags(brought.tags),
        num_bytes=num_bytes,
    )


def leave_for_importer(imported: Import, file: BinaryIO) -> None:
    """Keep the file until the importer comes to it; the row must not be seen before the file is whole."""
    path = path_of(imported)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with path.open("wb") as kept:
            shutil.copyfileobj(file, kept, COPY_BYTES)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def path_of(imported: Import) -> Path:
    """Where the file of a waiting import is. Web processes and importers share this folder."""
    return Path(settings.DATA_DIR) / "imports" / str(imported.pk)


@dataclass(slots=True)
class _Report:
    """What the thread that reads has to say, kept until the transaction is over."""

    summary: Summary = field(default_factory=Summary)
    rejected: list[Rejected] = field(default_factory=list)
    side: psycopg.Connection[Any] | None = None
    num_kept: int = 0
    """How many of the rejected rows are stored already."""

    def keep_new(self, imported: Import) -> None:
        """Store what was rejected since the last time, where there is a connection for it."""
        if self.side is not None:
            new = self.rejected[self.num_kept :]
            _keep_rejected(imported, new, execute=self.side.execute)
            self.num_kept += len(new)


def run(
    imported: Import,
    file: BinaryIO,
    *,
    tell: Callable[[Summary], None] = lambda _: None,
    on_rejected: Callable[[Rejected], None] = lambda _: None,
    side: psycopg.Connection[Any] | None = None,
) -> Summary:
    """Take the file in and report; all that is stored is stored with the report, or nothing is.

    Args:
        tell: called after each 2,000 rows; it raises Cancelled when the import shall end.
        side: a connection beside the import's transaction, on which rejected rows are written down as they come, so
            that they can be read while it runs; without one they are when it ends.
        on_rejected: called for each row that is not taken in, by another thread.

    Raises:
        Cancelled: what ``tell`` raised.
        Invalid: nothing was imported, see files.import_file.
    """
    report = _Report(side=side)

    def reject(row: Rejected) -> None:
        report.rejected.append(row)
        on_rejected(row)

    def progress(summary: Summary) -> None:
        report.summary = summary
        tell(summary)
        report.keep_new(imported)

    try:
        digest = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
        file.seek(0)
        _begin(imported, digest=digest)
        with transaction.atomic():
            summary = import_file(
                file,
                project=imported.project,
                file_format=Format(imported.file_format),
                kind=FileKind(imported.kind),
                source=imported.file_name,
                keep_good=imported.keep_good,
                tags=imported.tags,
                watch=Watch(rejected=reject, progress=progress),
            )
            _end(imported, ImportState.FINISHED, report)
    except Cancelled:
        _end(imported, ImportState.CANCELLED, replace_stored(report))
        raise
    except Invalid as refused:
        if isinstance(refused, RowsRejected):
            report.summary = refused.summary
        _end(imported, ImportState.REFUSED, replace_stored(report), error=refused.message)
        raise
    except Exception as error:
        with suppress(Exception):  # the database may be what went away
            _end(imported, ImportState.FAILED, replace_stored(report), error=str(error) or type(error).__name__)
        raise
    return summary


def _begin(imported: Import, *, digest: str) -> None:
    running = {"state": ImportState.RUNNING, "started": timezone.now(), "digest": digest, "error": ""}
    Import.objects.filter(pk=imported.pk).update(**running)
    RejectedRow.objects.filter(imported=imported).delete()  # of an importer that died


def replace_stored(report: _Report) -> _Report:
    """The report of an import that was rolled back: what was read stands, nothing was stored."""
    rows = Summary(
        rows=report.summary.rows,
        bytes_read=report.summary.bytes_read,
        num_rejected=report.summary.num_rejected,
        turns_left_out=report.summary.turns_left_out,
        ignored_columns=report.summary.ignored_columns,
    )
    return replace(report, summary=rows)


@transaction.atomic
def _end(imported: Import, state: ImportState, report: _Report, *, error: str = "") -> None:
    summary = report.summary
    values = {
        **counts(summary),
        "ignored_columns": sorted(summary.ignored_columns),
        "state": state,
        "error": error,
        "ended": timezone.now(),
    }
    Import.objects.filter(pk=imported.pk).update(**values)
    for name, value in values.items():
        setattr(imported, name, value)
    with connection.cursor() as cursor:
        _keep_rejected(imported, report.rejected[report.num_kept :], execute=cursor.execute)


def counts(summary: Summary) -> dict[str, int]:
    """The counts of a summary as an import has them."""
    stored = summary.stored
    return {
        "rows": summary.rows,
        "bytes_read": summary.bytes_read,
        "num_rejected": summary.num_rejected,
        "prompts": stored.prompts,
        "items": stored.items,
        "labels": stored.labels,
        "conversations": stored.conversations,
        "repeated": stored.repeated,
        "held_out": stored.held_out,
        "turns_left_out": summary.turns_left_out,
    }


def _keep_rejected(imported: Import, rows: Sequence[Rejected], *, execute: Callable[[Any, Any], Any]) -> None:
    for start in range(0, len(rows), 10_000):
        part = rows[start : start + 10_000]
        values: dict[str, Any] = {
            "imported": imported.pk,
            "lines": [row.line for row in part],
            # The reason may quote what no text of the database can hold.
            "reasons": [row.reason.encode(errors="replace").decode().replace("\x00", "�") for row in part],
        }
        execute(REJECTED, values)


REJECTED = """
INSERT INTO labeling_rejectedrow (imported_id, line, reason)
SELECT %(imported)s, line, reason FROM unnest(%(lines)s::bigint[], %(reasons)b::text[]) WITH ORDINALITY AS given
    (line, reason, n) ORDER BY n
"""


def receive(file: BinaryIO, brought: Brought, *, project: Project, by: User, num_bytes: int) -> Import:
    """Take a small file in now, and leave a large one to the importer.

    Returns:
        The import: finished, or waiting.

    Raises:
        Invalid: nothing was imported of a small one; ``imported`` of the error is its report.
    """
    if num_bytes > AT_ONCE_BYTES:
        with transaction.atomic():
            imported = ask_for(brought, project=project, by=by, num_bytes=num_bytes)
            leave_for_importer(imported, file)
            transaction.on_commit(partial(logger.info, "%s waits for the importer", imported))
        return imported
    imported = ask_for(brought, project=project, by=by, num_bytes=num_bytes)
    try:
        run(imported, file)
    except Invalid as refused:
        refused.imported = imported  # type: ignore[attr-defined]  # its report, for the page
        raise
    return imported


def cancel(imported: Import) -> None:
    """Ask that an import ends: a waiting one is cancelled now, a running one before its next rows. Nothing is stored.

    Raises:
        Conflict: it ended already.
    """
    with transaction.atomic():
        locked = Import.objects.select_for_update().get(pk=imported.pk)
        if locked.state not in Import.OPEN:
            raise Conflict(gettext("this import has ended: it is {state}").format(state=locked.get_state_display()))
        locked.cancel_asked = True
        if locked.state == ImportState.WAITING:
            locked.state, locked.ended = ImportState.CANCELLED, timezone.now()
        locked.save(update_fields=["cancel_asked", "state", "ended"])
    if locked.state == ImportState.CANCELLED:
        path_of(imported).unlink(missing_ok=True)
