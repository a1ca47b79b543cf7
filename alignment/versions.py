"""Which code a run was made by."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS_DEPEND_ON = ("core/**/*.py", "datasets.py", "plans.py", "stages*.py", "artifacts.py", "worker.py")


@cache
def code_version() -> str:
    """The package's version and 12 digits of the SHA-256 of the code that weights depend on."""
    sha = hashlib.sha256()
    for path in sorted({path for pattern in RESULTS_DEPEND_ON for path in FOLDER.glob(pattern)}):
        sha.update(str(path.relative_to(FOLDER)).encode() + b"\0" + path.read_bytes() + b"\0")
    try:
        number = version("prefloop")
    except PackageNotFoundError:
        number = "0"
    return f"{number}+{sha.hexdigest()[:12]}"
