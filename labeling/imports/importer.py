"""The process that takes large files in, so that neither the web server nor a worker that trains is kept busy by them.

An import is claimed by an advisory lock, which ends with its process: what a killed importer had begun was rolled back,
and is begun again by the next one.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Sequence
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
from labeling.services.claims import Interrupted, claimed

PAUSE_SECONDS = 1.0
TELL_SECONDS = 0.5
LOST_AFTER = dt.timedelta(days=1)  # a command reads its file where it lies, and may take long
ELSEWHERE_AFTER = dt.timedelta(minutes=1)  # a row is seen when its file is whole
LOCK_SPACE = 0x1A907  # the first of the two keys of the advisory locks
logger = logging.getLogger(__name__)


def work(*, ending: threading.Event, also: Sequence[Callable[..., bool]] = ()) -> None:
    """Take imports in, one after the other, until the process has to end, however often the database goes away.

    Args:
        also: called as run_next when no import waits; other long work of the same process.
    """
    while not ending.is_set():
        try:
            if not any(run(ending=ending) for run in (run_next, *also)):
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
            with claimed(side, imported, space=LOCK_SPACE) as is_mine:
                if is_mine:
                    _run(imported, side=side, ending=ending)
                    return True
    return False


def _forget(imported: Import) -> None:
    """Fail an import that nobody can go on with: its file is elsewhere, or whoever read it where it lay has died."""
    age = timezone.now() - imported.created
    if imported.state == ImportState.WAITING and age > ELSEWHERE_AFTER:
        error = gettext(
            "its file is not in {folder}: the web server and the importer need one folder between them; start both "
            "with the same DATA_DIR, on a disk that both see, and import it again"
        ).format(folder=path_of(imported).parent)
    elif age > LOST_AFTER:
        error = gettext("its file is gone: import it again")
    else:
        return
    Import.objects.filter(pk=imported.pk, state=imported.state).update(
        state=ImportState.FAILED, error=error, ended=timezone.now()
    )


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
    prompts = %(prompts)s, items = %(items)s, labels = %(labels)s, conversations = %(conversations)s,
    repeated = %(repeated)s, held_out = %(held_out)s, turns_left_out = %(turns_left_out)s
WHERE id = %(id)s RETURNING cancel_asked
"""
