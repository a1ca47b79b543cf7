"""The process that takes large files in, so that neither the web server nor a worker that trains is kept busy by them.

An import is claimed by an advisory lock, which ends with its process: what a killed importer had begun was rolled back,
and is begun again by the next one.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import close_old_connections
from django.utils import timezone
from django.utils.translation import gettext
from procrastinate.contrib.django import connector_params

from labeling.errors import DomainError
from labeling.imports.files import Summary
from labeling.imports.recorded import Cancelled, counts, path_of, run
from labeling.models import Import, ImportState

PAUSE_SECONDS = 1.0
TELL_SECONDS = 0.5
LOST_AFTER = dt.timedelta(days=1)  # a command reads its file where it lies, and may take long
LOCK_SPACE = 0x1A907  # the first of the two keys of the advisory locks
logger = logging.getLogger(__name__)


def work(*, ending: threading.Event) -> None:
    """Take imports in, one after the other, until the process has to end, however often the database goes away."""
    while not ending.is_set():
        try:
            if not run_next(ending=ending):
                ending.wait(PAUSE_SECONDS)
        except Exception:
            logger.exception("an import went wrong, or the database is away")
            ending.wait(PAUSE_SECONDS)
        finally:
            close_old_connections()


def run_next(*, ending: threading.Event) -> bool:
    """Run the oldest import that waits, or that was left by a process that died; False when there is none."""
    with psycopg.connect(**connector_params(), autocommit=True) as side:
        for imported in Import.objects.filter(state__in=Import.OPEN).select_related("project").order_by("id"):
            if not path_of(imported).exists():
                _forget(imported)
                continue
            with _claimed(side, imported) as is_mine:
                if is_mine:
                    _run(imported, side=side, ending=ending)
                    return True
    return False


def _forget(imported: Import) -> None:
    """Fail an import that nobody can go on with: the web process that took a small file in has died meanwhile."""
    if imported.created < timezone.now() - LOST_AFTER:
        Import.objects.filter(pk=imported.pk, state__in=Import.OPEN).update(
            state=ImportState.FAILED, error=gettext("its file is gone: import it again"), ended=timezone.now()
        )


@contextmanager
def _claimed(side: psycopg.Connection[Any], imported: Import) -> Iterator[bool]:
    """Whether nobody else runs it; held until the block ends."""
    key = {"space": LOCK_SPACE, "key": imported.pk % 2**31}
    row = side.execute("SELECT pg_try_advisory_lock(%(space)s, %(key)s)", key).fetchone()
    if row is None or not row[0]:
        yield False
        return
    try:
        imported.refresh_from_db(fields=["state"])
        yield imported.state in Import.OPEN
    finally:
        side.execute("SELECT pg_advisory_unlock(%(space)s, %(key)s)", key)


def _run(imported: Import, *, side: psycopg.Connection[Any], ending: threading.Event) -> None:
    path = path_of(imported)
    teller = Teller(imported, side=side, ending=ending)
    with path.open("rb") as file:
        try:
            run(imported, file, tell=teller, side=side)
        except Interrupted:
            return  # the file stays for the next one
        except DomainError as refused:
            logger.info("%s: %s", imported, refused.message)
        except Exception:
            logger.exception("%s failed", imported)
    path.unlink(missing_ok=True)


class Interrupted(BaseException):
    """The process has to end; the import is rolled back, stays open and is begun again."""


class Teller:
    """Writes down how far an import is, on a connection beside its transaction, and ends it when somebody asks."""

    def __init__(self, imported: Import, *, side: psycopg.Connection[Any], ending: threading.Event) -> None:
        self.imported, self.side, self.ending = imported, side, ending
        self.told = 0.0

    def __call__(self, summary: Summary) -> None:
        """Twice a second.

        Raises:
            Interrupted: the process has to end.
            Cancelled: somebody asked for it.
        """
        if self.ending.is_set():
            raise Interrupted
        if time.monotonic() - self.told < TELL_SECONDS:
            return
        self.told = time.monotonic()
        row = self.side.execute(PROGRESS, {**counts(summary), "id": self.imported.pk}).fetchone()
        if row is None or row[0]:
            raise Cancelled(gettext("the import was cancelled: nothing was imported"))


PROGRESS = """
UPDATE labeling_import SET rows = %(rows)s, bytes_read = %(bytes_read)s, num_rejected = %(num_rejected)s,
    prompts = %(prompts)s, items = %(items)s, labels = %(labels)s, repeated = %(repeated)s, held_out = %(held_out)s,
    turns_left_out = %(turns_left_out)s
WHERE id = %(id)s RETURNING cancel_asked
"""
