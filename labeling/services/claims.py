"""Work that stands as a row and is done by one process: claimed by an advisory lock, which ends with the process.

What a killed process had begun was rolled back, and is begun again by the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg


class Work(Protocol):
    """A row with a state, some of which are open."""

    pk: Any
    state: str

    @property
    def OPEN(self) -> Collection[str]: ...  # as the models call it
    def refresh_from_db(self, *, fields: list[str]) -> None: ...


class Interrupted(BaseException):
    """The process has to end; what it did is rolled back, stays open and is begun again."""


@contextmanager
def claimed(side: psycopg.Connection[Any], work: Work, *, space: int) -> Iterator[bool]:
    """Whether nobody else does it; held until the block ends.

    Args:
        side: a connection that is not the one of the work's transaction.
        space: the first of the two keys of the advisory locks, one for each kind of work.
    """
    key = {"space": space, "key": work.pk % 2**31}
    row = side.execute("SELECT pg_try_advisory_lock(%(space)s, %(key)s)", key).fetchone()
    if row is None or not row[0]:
        yield False
        return
    try:
        work.refresh_from_db(fields=["state"])
        yield work.state in work.OPEN
    finally:
        side.execute("SELECT pg_advisory_unlock(%(space)s, %(key)s)", key)
