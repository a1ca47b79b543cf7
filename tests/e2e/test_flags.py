"""An admin edits the list of flags by keyboard; annotators get it with the next item."""

from __future__ import annotations

import pytest
from e2e.conftest import Visitors
from e2e.judging import JUDGE, press, violations
from factories import Cast
from playwright.sync_api import expect

from labeling.models import Rating

pytestmark = pytest.mark.browser


def test_a_flag_is_made_moved_and_raised_by_its_key(cast: Cast, visitors: Visitors):
    admin = visitors.page("alice", "/p/colours/flags/")
    for label in ("Ask: Hallucination", "Ask: Expresses opinion"):
        admin.get_by_label(label).uncheck()
    admin.get_by_label("Label", exact=True).fill("Is rude")
    admin.get_by_label("Code", exact=True).fill("rude")
    admin.get_by_label("Key", exact=True).fill("o")
    admin.keyboard.press("Enter")
    expect(admin.get_by_role("heading", name="What this does")).to_be_visible()
    said = violations(admin)
    admin.keyboard.press("Enter")
    expect(admin.get_by_text("The flags are saved.")).to_be_visible()
    up = admin.get_by_role("button", name="Move up: Is rude")
    up.focus()
    for place in (8, 7):
        admin.keyboard.press("Enter")
        expect(admin.locator("tbody tr").nth(place)).to_contain_text("rude")
    expect(up).to_be_focused()
    found = violations(admin)

    page = visitors.page("bob", JUDGE)
    labels = page.locator("article").first.locator(".flag")
    expect(labels).to_have_count(10)
    expect(labels.nth(7)).to_contain_text("Is rude")
    press(page, "o 5 4 3 1 2 3 Control+Enter")
    expect(page.get_by_text("Name a colour, number 1.")).to_be_visible()

    assert Rating.objects.get(flags__len=1).flags == ["rude"]
    assert said == found == []
