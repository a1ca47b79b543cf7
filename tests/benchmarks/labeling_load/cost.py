"""Processor time of the three that share the machine: the web processes, the database and the load itself."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from django.db import connection

TICKS = os.sysconf("SC_CLK_TCK")
PROCESSES = Path("/proc")


def spent(*, web: Iterable[int]) -> dict[str, float] | None:
    """Seconds that each has spent since it began; None where it can't be seen: not Linux, or a database elsewhere."""
    try:
        postmaster = _parent(_backend())
        running = [pid for pid in _processes() if _is_child(pid, of=postmaster)]
        return {
            "web": sum(_seconds(pid) for pid in web),
            "database": _seconds(postmaster, with_ended=True) + sum(map(_seconds, running)),
            "load": sum(os.times()[:2]),
        }
    except (OSError, IndexError):
        return None


def per_label(before: dict[str, float] | None, after: dict[str, float] | None, *, labels: int) -> dict[str, float]:
    """Milliseconds of each for a label, empty when they can't be seen."""
    if before is None or after is None or not labels:
        return {}
    return {name: round(1000 * (after[name] - before[name]) / labels, 2) for name in after}


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return int(pid)


def _processes() -> list[int]:
    return [int(path.name) for path in PROCESSES.iterdir() if path.name.isdecimal()]


def _stat(pid: int) -> list[str]:
    return (PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _is_child(pid: int, *, of: int) -> bool:
    try:
        return _parent(pid) == of
    except OSError:  # it ended meanwhile
        return False


def _seconds(pid: int, *, with_ended: bool = False) -> float:
    """Its own time, and that of its children that ended."""
    user, system, *ended = map(int, _stat(pid)[11:15])
    return (user + system + (sum(ended) if with_ended else 0)) / TICKS
