"""Bringing a file, watching it, and changing what a filter finds, by keyboard; each page accessible on the way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Visitors
from e2e.judging import violations
from factories import Cast, make_import
from playwright.sync_api import Page, expect

from labeling.imports import importer
from labeling.models import Prompt

pytestmark = pytest.mark.browser
IMPORTS = "/p/colours/imports/"


def faults_of(page: Page, path: str) -> list[str]:
    """What axe finds in either theme, and whether a phone has to be scrolled sideways."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.goto(path)
        found += [f"{path} {theme}: {line}" for line in violations(page)]
    page.set_viewport_size({"width": 390, "height": 844})
    if page.evaluate("document.documentElement.scrollWidth") > 390:
        found.append(f"{path} is wider than a phone")
    page.set_viewport_size({"width": 1440, "height": 900})
    return found


def test_a_file_is_brought_watched_and_changed_by_keyboard(
    cast: Cast, visitors: Visitors, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings.DATA_DIR = tmp_path / "data"
    refused = make_import(cast, b'{"prompt": "Five?"}\n' + b'{"prompt": ""}\n' * 120, name="with-bad-rows.jsonl")
    monkeypatch.setattr("labeling.imports.recorded.AT_ONCE_BYTES", 10)
    file = tmp_path / "fruits.jsonl"
    file.write_text("".join(f'{{"prompt": "Name fruit {number}.", "tags": ["fruit"]}}\n' for number in range(60)))
    page = visitors.page("alice", "/p/colours/prompts/")

    page.locator("#upload_file").set_input_files(file)
    page.get_by_role("button", name="Import", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Waiting")).to_be_visible()
    waiting = faults_of(page, page.url)
    importer.run_next(ending=threading.Event())
    expect(page.get_by_role("heading", name="Finished")).to_be_visible()

    page.goto("/p/colours/prompts/?tag=fruit")
    page.get_by_label("What", exact=True).select_option("add_tag")
    page.get_by_label("Tag, priority or content warning").fill("May")
    page.keyboard.press("Enter")
    expect(page.get_by_text("60 prompts are changed.")).to_be_visible()
    said = violations(page)
    page.get_by_role("button", name="Change 60 prompts").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("60 prompts changed.")).to_be_visible()

    paths = ["/p/colours/prompts/?tag=fruit&archived=both", IMPORTS, f"{IMPORTS}{refused.pk}/"]
    assert Prompt.objects.filter(tags__name="May").count() == 60
    assert [waiting, said, *(faults_of(page, path) for path in paths)] == [[]] * 5
