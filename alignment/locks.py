"""Advisory locks of PostgreSQL: what this process works on, as the database and every other worker see it.

A lock ends with its connection, so a killed process holds none, and nobody has to clean up behind it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection
from procrastinate.contrib.django import connector_params

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 5.0
MOST_SLOTS = 64
"""That are looked at: a machine has one for each GPU."""


class Locks:
    """Locks by name on one connection of its own, which is made again when the database was away."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        self._mutex = threading.Lock()
        self._held: set[str] = set()

    def take(self, name: str) -> bool:
        """Take a lock without waiting; False when any process, this one included, holds it.

        Raises:
            psycopg.OperationalError: the database is away.
        """
        with self._mutex:
            if name in self._held or not self._try(name):
                return False
            self._held.add(name)
            return True

    def wait(self, name: str, *, given_up: Callable[[], bool], pause: float = 0.2) -> bool:
        """Take a lock as soon as it is free; False when ``given_up`` said so first. Outlives the database's absence."""
        said = False
        while not given_up():
            try:
                if self.take(name):
                    return True
                if not said:
                    logger.info("waiting: another process holds %s", name)
                    said = True
            except psycopg.OperationalError as error:
                logger.warning("the database is away: %s", error)
            time.sleep(pause)
        return False

    def release(self, name: str) -> None:
        """Let a lock go; harmless when it is not held or the database is away."""
        with self._mutex:
            self._held.discard(name)
            try:
                if self._connection is not None:
                    self._connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
            except psycopg.OperationalError:
                self._connection = None  # the lock went with its connection

    def keep(self) -> list[str]:
        """Take all locks again if the connection was lost; the names of those that another process has by now.

        Raises:
            psycopg.OperationalError: the database is away.
        """
        with self._mutex:
            try:
                if self._connection is not None:
                    self._connection.execute("SELECT 1")
                    return []
            except psycopg.OperationalError:
                self._connection = None
            return self._connect()

    def close(self) -> None:
        """Let all locks go."""
        with self._mutex:
            self._held.clear()
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connect(self) -> list[str]:
        """Connect, and take again what was held; the names that another process took meanwhile."""
        self._connection = psycopg.connect(**connector_params(), autocommit=True)
        lost = [name for name in sorted(self._held) if not self._try(name)]
        self._held.difference_update(lost)
        if lost:
            logger.warning("lost to another process while the database was away: %s", ", ".join(lost))
        return lost

    def _try(self, name: str) -> bool:
        if self._connection is None or self._connection.closed:
            self._connect()
        assert self._connection is not None
        try:
            query = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
            row = self._connection.execute(query, [name]).fetchone()
        except psycopg.OperationalError:
            self._connection = None
            raise
        return bool(row and row[0])


def run_lock(run_id: int) -> str:
    """Held by the process that executes a run."""
    return f"prefloop run {run_id}"


def device_lock(device: str) -> str:
    """Held by the process that trains on a device: one training run per GPU at a time."""
    return f"prefloop device {device}"


def slot_lock(slot: int) -> str:
    """Held by the worker of a slot; further workers of the same slot stand by."""
    return f"prefloop worker {slot}"


def a_worker_trains() -> bool:
    """Whether a process holds a slot: it takes runs. One that writes for conversations only holds none."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD_SLOTS, [slot_lock(number) for number in range(MOST_SLOTS)])
        return cursor.fetchone() is not None


_HELD_SLOTS = f"""
SELECT 1 FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (classid::bigint << 32 | objid::bigint) IN ({", ".join(["hashtextextended(%s, 0)"] * MOST_SLOTS)})
LIMIT 1
"""
