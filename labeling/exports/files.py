"""An export into a file with its manifest beside it; both are there whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from labeling.exports.streams import Export


def write_file(export: Export, path: Path, *, on_judgement: Callable[[int], None] | None = None) -> dict[str, Any]:
    """Write the content and then FILE.manifest.json, each under another name until it is whole and on disk.

    Returns:
        The manifest.

    Raises:
        OSError: the folder is not there, or the disk is full; what was there before stays.
    """
    with _replacing(path) as file:
        for part in export.stream(on_judgement=on_judgement):
            file.write(part)
    manifest = export.manifest()
    with _replacing(path.with_name(f"{path.name}.manifest.json")) as file:
        file.write(json.dumps(manifest, indent=2).encode() + b"\n")
    return manifest


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)  # mkstemp's 0600 is for secrets
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
