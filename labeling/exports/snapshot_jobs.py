"""Snapshots of many labels: asked for by page or API, taken by the importer, with progress, and cancelled on demand."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import Any

import psycopg
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext
from procrastinate.contrib.django import connector_params

from labeling.errors import Conflict, DomainError, Invalid
from labeling.exports.snapshots import check_name, last_label, name_taken, take_snapshot
from labeling.models import ImportState, Project, Snapshot, SnapshotJob, User
from labeling.selectors.chosen import FROM, condition
from labeling.selectors.elsewhere import TALKS, held_elsewhere
from labeling.selectors.selection import Selection
from labeling.selectors.snapshots import counts_of
from labeling.services.claims import Interrupted, claimed

AT_ONCE_LABELS = 20_000
"""A snapshot of up to so many labels is taken while somebody waits: about a second."""
TELL_SECONDS = 0.5
LOCK_SPACE = 0x5A907
logger = logging.getLogger(__name__)


class Cancelled(Conflict):
    """Somebody asked that a snapshot is not taken."""

    code = "cancelled"


def ask_for_snapshot(
    *, project: Project, name: str, selection: Selection, author: User | None, up_to: int | None = None
) -> Snapshot | SnapshotJob:
    """A snapshot, taken now when it has few labels, else left to the importer; arguments as for take_snapshot.

    Raises:
        Invalid, Conflict: as take_snapshot.
    """
    check_name(name)
    waiting = SnapshotJob.objects.filter(project=project, name=name, state__in=SnapshotJob.OPEN)
    if Snapshot.objects.filter(project=project, name=name).exists() or waiting.exists():
        raise name_taken(name)
    if not _has_more(project, selection, up_to=last_label(project, up_to), than=AT_ONCE_LABELS):
        return take_snapshot(project=project, name=name, selection=selection, up_to=up_to, author=author)
    return SnapshotJob.objects.create(
        project=project, requested_by=author, name=name, filters=selection.to_dict(), up_to=up_to
    )


def _has_more(project: Project, selection: Selection, *, up_to: int, than: int) -> bool:
    chosen, parameters = condition(project, selection, up_to=up_to)
    rows = [f"SELECT 1 {FROM} WHERE {chosen}"]
    if (there := held_elsewhere(project, selection, up_to=up_to)) is not None:
        rows.append(f"SELECT 1 {TALKS} WHERE {there[0]}")
        parameters |= there[1]
    with connection.cursor() as cursor:
        cursor.execute(f"{' UNION ALL '.join(rows)} OFFSET %(than)s LIMIT 1", {**parameters, "than": than})
        return cursor.fetchone() is not None


def cancel(job: SnapshotJob) -> None:
    """Ask that a snapshot is not taken: at once when it waits, else before the next labels are read.

    Raises:
        Conflict: it ended already.
    """
    with transaction.atomic():
        locked = SnapshotJob.objects.select_for_update().get(pk=job.pk)
        if locked.state not in SnapshotJob.OPEN:
            raise Conflict(gettext("this has ended: it is {state}").format(state=locked.get_state_display()))
        locked.cancel_asked = True
        if locked.state == ImportState.WAITING:
            locked.state, locked.ended = ImportState.CANCELLED, timezone.now()
        locked.save(update_fields=["cancel_asked", "state", "ended"])


def run_next(*, ending: threading.Event) -> bool:
    """Take the oldest snapshot that somebody waits for, or that a process left that died; False when there is none."""
    with psycopg.connect(**connector_params(), autocommit=True) as side:
        jobs = SnapshotJob.objects.filter(state__in=SnapshotJob.OPEN).select_related("project", "requested_by")
        for job in jobs.order_by("id"):
            with claimed(side, job, space=LOCK_SPACE) as is_mine:
                if is_mine:
                    _run(job, side=side, ending=ending)
                    return True
    return False


def _run(job: SnapshotJob, *, side: psycopg.Connection[Any], ending: threading.Event) -> None:
    """Take it; the job ends with it, or with the reason why there is none."""
    selection = Selection.from_dict(job.filters)
    try:
        counts = counts_of(job.project, selection, up_to=last_label(job.project, job.up_to))
        labels = counts["labels"] + counts["conversations"]
        SnapshotJob.objects.filter(pk=job.pk).update(
            state=ImportState.RUNNING, started=timezone.now(), labels=labels, labels_done=0
        )
        with transaction.atomic():
            taken = take_snapshot(
                project=job.project,
                name=job.name,
                selection=selection,
                up_to=job.up_to,
                author=job.requested_by,
                on_label=_Teller(job, side=side, ending=ending),
            )
            labels = taken.manifest["labels"] + taken.imported_conversations
            _end(job, ImportState.FINISHED, labels=labels, labels_done=labels, snapshot=taken)
    except Interrupted:
        return  # it is begun again by the next process
    except Cancelled as cancelled:
        _end(job, ImportState.CANCELLED, error=cancelled.message)
    except (Invalid, DomainError) as refused:
        _end(job, ImportState.REFUSED, error=refused.message)
    except Exception as error:
        logger.exception("%s failed", job)
        with suppress(Exception):  # the database may be what went away
            _end(job, ImportState.FAILED, error=str(error) or type(error).__name__)


def _end(job: SnapshotJob, state: ImportState, **values: Any) -> None:
    SnapshotJob.objects.filter(pk=job.pk).update(state=state, ended=timezone.now(), **values)


class _Teller:
    """Writes down how far a snapshot is, on a connection beside its transaction, and ends it when somebody asks."""

    def __init__(self, job: SnapshotJob, *, side: psycopg.Connection[Any], ending: threading.Event) -> None:
        self.job, self.side, self.ending = job, side, ending
        self.told = 0.0

    def __call__(self, done: int) -> None:
        if time.monotonic() - self.told < TELL_SECONDS:
            return
        if self.ending.is_set():
            raise Interrupted
        self.told = time.monotonic()
        row = self.side.execute(PROGRESS, {"done": done, "id": self.job.pk}).fetchone()
        if row is None or row[0]:
            raise Cancelled(gettext("it was cancelled: there is no snapshot"))


PROGRESS = """
UPDATE labeling_snapshotjob SET labels_done = least(%(done)s, labels) WHERE id = %(id)s RETURNING cancel_asked
"""
