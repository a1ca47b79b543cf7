"""Rows of long reads, batch by batch, the next one read while this one is used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from django.db import connection, connections
from django.db.backends.utils import CursorWrapper
from psycopg.pq import Format

Row = TypeVar("Row")
BATCH_BYTES = 4 * 1024 * 1024
FIRST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Batch(Generic[Row]):
    """Rows and their number, the last label of them if more may follow, and how long their texts are together.

    What doesn't need the database is left to whoever goes through the rows: the next batch is read meanwhile.
    """

    rows: Iterable[Row]
    count: int
    last: int | None
    num_bytes: int


def in_batches(read: Callable[[CursorWrapper, int, int], Batch[Row]], *, after: int, most: int) -> Iterator[Row]:
    """What a statement reads after one label, and after the last of those, until there is none.

    The next batch is read while this one is used: the database and Python then work at the same time. A batch has so
    many rows that their texts fill about 4 MB, by how long those before were, and ``most`` at most.

    Inside a transaction all is read by its connection, which alone sees what it wrote. Outside, the thread that reads
    has one of its own: whoever uses the rows may then begin and end transactions meanwhile.
    """
    with _binary_cursor() as cursor, ThreadPoolExecutor(1) as ahead:  # no thread before the second batch
        own, coming = cursor if connection.in_atomic_block else None, None
        batch = read(cursor, after, min(FIRST_ROWS, most))
        try:
            while batch.last is not None:
                size = min(max(BATCH_BYTES * batch.count // max(batch.num_bytes, 1), 1), most)
                with SHORT_TURNS:
                    coming = ahead.submit(_read, read, own, batch.last, size)
                    yield from batch.rows
                    batch = coming.result()
            yield from batch.rows
        finally:
            if own is None and coming is not None:
                ahead.submit(connections.close_all)  # those of the thread


def _read(
    read: Callable[[CursorWrapper, int, int], Batch[Row]], cursor: CursorWrapper | None, after: int, size: int
) -> Batch[Row]:
    if cursor is not None:
        return read(cursor, after, size)
    with _binary_cursor() as own:
        return read(own, after, size)


@contextmanager
def _binary_cursor() -> Iterator[CursorWrapper]:
    """A cursor of this thread's connection."""
    with connection.cursor() as given:
        given.cursor.format = Format.BINARY
        yield CursorWrapper(given.cursor, connection)  # one that logs statements stays in its thread


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
