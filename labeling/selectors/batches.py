"""Rows of long reads, batch by batch, the next one read while this one is used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.pq import Format

Row = TypeVar("Row")


def in_batches(read: Callable[[CursorWrapper, int], tuple[list[Row], int | None]], *, after: int) -> Iterator[Row]:
    """What a statement reads after one label, and after the last of those, until there is none.

    The next batch is read while this one is used: the database and Python then work at the same time.
    """
    with connection.cursor() as given, ThreadPoolExecutor(1) as ahead:  # no thread before the second batch
        given.cursor.format = Format.BINARY
        cursor = CursorWrapper(given.cursor, connection)  # one that logs statements stays in its thread
        rows, last = read(cursor, after)
        while last is not None:
            with SHORT_TURNS:
                coming = ahead.submit(read, cursor, last)
                yield from rows
                rows, last = coming.result()
        yield from rows


class _ShortTurns:
    """Threads change places more often while somebody is inside.

    A batch comes in a hundred pieces, and at each the thread that reads would wait 5 ms for the one that writes:
    an export took twice as long.
    """

    SECONDS = 0.0002

    def __init__(self) -> None:
        self._lock, self._inside, self._usual = Lock(), 0, sys.getswitchinterval()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(self.SECONDS)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                sys.setswitchinterval(self._usual)


SHORT_TURNS = _ShortTurns()
