from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from acceptance.system import ROOT, System
from playwright.sync_api import Browser, BrowserContext, Page


def model_cache() -> Path:
    """Where the default model is kept, which trains once a machine and not once a test."""
    return Path(os.environ.get("PREFLOOP_TEST_DATA") or ROOT / ".data" / "tests") / "models"


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an installation after its first start, made by the first process of a run that needs it."""
    top = tmp_path_factory.getbasetemp()
    run = top.parent if "PYTEST_XDIST_WORKER" in os.environ else top
    kept = run / "installation"
    with (run / "installation.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            with TemporaryDirectory(prefix="prefloop-") as parent:
                Path(parent).chmod(0o711)  # the database's account passes through
                first = System(Path(parent) / "data", models=model_cache())
                try:
                    first.start()
                finally:
                    status = first.stop()
                assert status == 0, first.tail()
                copy(first.data, kept)
    return kept


def copy(source: Path, target: Path) -> None:
    """With owners and rights, as a database cluster needs them."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


@pytest.fixture
def system(installation: Path, data_folder: Path) -> Iterator[System]:
    """An installation with the demo project and nothing done in it, running."""
    copy(installation, data_folder)
    running = System(data_folder, models=model_cache())
    try:
        running.start()
        yield running
    finally:
        running.stop()


class Desk:
    """Browsers of several people at once."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.contexts: list[BrowserContext] = []

    def page(self) -> Page:
        """A page in a browser of its own."""
        context = self.browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        return context.new_page()


@pytest.fixture
def desk(chromium: Browser) -> Iterator[Desk]:
    opened = Desk(chromium)
    yield opened
    for context in opened.contexts:
        context.close()
