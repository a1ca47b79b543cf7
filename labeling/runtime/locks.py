"""Locks on files. The kernel drops them when their holder dies, so nothing stale is ever left behind."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labeling.runtime.errors import ELSEWHERE, StartError


class FileLock:
    """One open lock file, shared by many holders or held by one alone, until ``release`` or the process's death."""

    def __init__(self, path: Path, *, owner: tuple[int, int] | None = None) -> None:
        """Open the file, or make it, private to its owner: (uid, gid), for root who makes it for another."""
        # The folder belongs to the unprivileged account of the server: a link laid there must not lead root elsewhere.
        try:
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StartError(f"The file {path} cannot be written ({error.strerror}): {ELSEWHERE}.") from error
        if owner is not None:
            os.fchown(self.descriptor, *owner)

    def take_alone(self, *, wait: bool = True) -> bool:
        """Hold the lock alone. Without ``wait`` False says that somebody else holds it."""
        return self._flock(fcntl.LOCK_EX, wait=wait)

    def share(self) -> None:
        """Hold the lock together with other sharers; waits for one who holds it alone."""
        self._flock(fcntl.LOCK_SH, wait=True)

    def release(self) -> None:
        """Give the lock back and close the file."""
        if self.descriptor >= 0:
            # A forked child may share the open file: closing alone would leave the lock with the child.
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)
            os.close(self.descriptor)
            self.descriptor = -1

    def read(self) -> str:
        """What the holder wrote."""
        return os.pread(self.descriptor, 4096, 0).decode(errors="replace").strip()

    def write(self, text: str) -> None:
        """Leave a word for those who find the lock taken."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode(), 0)

    def _flock(self, kind: int, *, wait: bool) -> bool:
        try:
            fcntl.flock(self.descriptor, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def alone(path: Path, *, owner: tuple[int, int] | None = None) -> Iterator[None]:
    """Run the block while no other process is inside a block of the same file."""
    lock = FileLock(path, owner=owner)
    try:
        lock.take_alone()
        yield
    finally:
        lock.release()
