from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.system import ROOT, System


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A fresh installation with the demo project, running."""
    cache = Path(os.environ.get("PREFLOOP_TEST_DATA") or ROOT / ".data" / "tests")
    running = System(tmp_path / "data", models=cache / "models")
    try:
        running.start()
        yield running
    finally:
        running.stop()
