"""Settings of a project in a browser: by keyboard, in both themes, on a phone."""

from __future__ import annotations

import pytest
from e2e.conftest import Visitors
from e2e.judging import violations
from factories import Cast, claim
from playwright.sync_api import Page, expect

from labeling.models import Project

pytestmark = pytest.mark.browser


def faults(page: Page) -> list[str]:
    """What axe finds in either theme, and whether the page is wider than a phone."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(250)  # colours fade for a moment
        found += [f"{theme}: {line}" for line in violations(page)]
    page.set_viewport_size({"width": 390, "height": 844})
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1440, "height": 900})
    return found if width <= 390 else [*found, f"{width} px wide on a phone"]


def test_an_admin_is_told_what_a_change_does_then_archives_and_restores(cast: Cast, visitors: Visitors):
    claim(cast.project, cast.bob)
    page = visitors.page("alice", "/p/colours/")
    found = {}

    page.get_by_role("link", name="Settings", exact=True).first.click()
    found["settings"] = faults(page)
    page.get_by_label("Overlap").fill("3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What this does")).to_be_visible()
    found["confirmation"] = faults(page)
    page.get_by_role("checkbox", name="Give open items the overlap 3").press("Space")
    page.get_by_role("button", name="Save the settings").press("Enter")
    expect(page.get_by_text("The settings are saved.")).to_be_visible()
    overlap = Project.objects.get(slug="colours").overlap
    page.get_by_role("button", name="Archive the project").press("Enter")
    expect(page.get_by_text("This project can be read and exported, and no more.")).to_be_visible()
    page.goto("/?archived=1")
    found["archived projects"] = faults(page)
    page.goto("/p/colours/settings/")
    found["archived project"] = faults(page)
    page.get_by_role("button", name="Restore the project").press("Enter")
    expect(page.get_by_role("button", name="Save the settings")).to_be_visible()

    assert not any(found.values()), found
    assert overlap == 3


def test_a_token_is_made_by_keyboard_and_shown_once(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", "/settings/tokens/")
    page.get_by_label("Name").fill("notebook")
    page.keyboard.press("Enter")

    expect(page.locator("#token")).to_contain_text("pf_")
    found = faults(page)
    page.goto("/settings/tokens/")
    expect(page.locator("#token")).to_have_count(0)
    page.get_by_role("button", name="Revoke notebook").press("Enter")
    expect(page.get_by_text("You have no tokens")).to_be_visible()

    assert found == []
