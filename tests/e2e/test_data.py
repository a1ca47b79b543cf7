"""The researcher's page in a browser: by keyboard, in both themes, on a phone."""

from __future__ import annotations

import pytest
from e2e.conftest import Visitors
from e2e.judging import violations
from factories import Cast, judge
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_snapshot_is_taken_by_keyboard_and_axe_finds_nothing(cast: Cast, visitors: Visitors, theme: str):
    judge(cast.project, cast.bob)
    page = visitors.page("rita", "/p/colours/data/", color_scheme=theme, viewport={"width": 390, "height": 844})
    looked = [violations(page)]

    page.get_by_text("Filters", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="person").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Count").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Judgements: 1, prompts: 1, people: 1.")).to_be_visible()
    page.get_by_text("Command line and Python").focus()
    page.keyboard.press("Enter")
    looked.append(violations(page))
    page.get_by_label("Name").fill("first")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Snapshot first")).to_be_visible()
    looked.append(violations(page))

    assert looked == [[], [], []]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "colours-comparisons-first.jsonl"
