"""Whether files changed since a step that reads them was last done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path


def fingerprint(files: Iterable[Path]) -> str:
    """A digest of the files' paths, sizes and times of change."""
    seen = sorted((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def is_done(note: Path, digest: str) -> bool:
    """Whether the step was last done for files of this digest."""
    return note.is_file() and note.read_text() == digest


def mark_done(note: Path, digest: str) -> None:
    """Remember that the step was done for files of this digest."""
    note.write_text(digest)
