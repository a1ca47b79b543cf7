from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.system import ROOT, System
from playwright.sync_api import Browser, BrowserContext, Page


def model_cache() -> Path:
    """Where the default model is kept, which trains once a machine and not once a test."""
    return Path(os.environ.get("PREFLOOP_TEST_DATA") or ROOT / ".data" / "tests") / "models"


@pytest.fixture
def system(data_folder: Path) -> Iterator[System]:
    """A fresh installation with the demo project, running."""
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
