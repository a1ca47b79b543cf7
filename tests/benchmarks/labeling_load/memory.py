"""The most memory that this process has held since a moment, where the system tells it; else since its start."""

from __future__ import annotations

import ctypes
import gc
import resource
from contextlib import suppress
from pathlib import Path

OWN = Path("/proc/self")


def forget_peak() -> None:
    """From now on: what was held before, as by the migration of a new database, is no part of what is measured."""
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc keeps what was freed
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        (OWN / "clear_refs").write_text("5")


def peak_mb() -> float:
    """The peak in MB."""
    with suppress(OSError):
        for line in (OWN / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
