"""Guidelines beside the work: they come by themselves once, and never stand in the way of what is being done."""

from __future__ import annotations

import pytest
from e2e.conftest import Visitors
from e2e.judging import JUDGE, press, violations
from factories import Cast
from playwright.sync_api import Page, expect

from labeling.models import Label
from labeling.services.guidelines import write_guidelines

pytestmark = pytest.mark.browser


def panel(page: Page):
    return page.locator("#guidelines")


def write(cast: Cast, text: str, change: str = "") -> None:
    write_guidelines(project=cast.project, author=cast.alice, text=text, change=change)


def test_a_change_comes_with_the_next_item_once_and_costs_no_work(cast: Cast, visitors: Visitors):
    write(cast, "# Rules\n\nBe **kind**.")
    page = visitors.page("bob", JUDGE)
    expect(panel(page).get_by_role("heading", name="New to you")).to_be_visible()
    press(page, "5")  # the focus stayed with the work
    expect(page.locator("[data-rating-badge]").first).to_have_text("5/7")
    panel(page).get_by_role("button", name="I have read it").click()
    expect(panel(page).get_by_role("heading", name="New to you")).to_have_count(0)
    expect(panel(page).locator("strong")).to_have_text("kind")
    press(page, "g")
    expect(panel(page)).to_be_hidden()

    write(cast, "# Rules\n\nBe **fair**.", change="fair, not kind")
    press(page, "n")
    page.keyboard.type("a word about g")
    expect(panel(page)).to_be_hidden()  # not in the middle of an item, and not by a letter that is typed
    press(page, "Escape 4 3 1 2 3 Control+Enter")

    expect(panel(page).get_by_text("fair, not kind")).to_be_visible()
    expect(panel(page).locator("del")).to_have_text("kind")
    assert Label.objects.get().notes == "a word about g"
    press(page, "g")
    expect(page.locator("[data-guidelines-link].is-unread")).to_be_visible()
    press(page, "g")
    panel(page).get_by_role("button", name="I have read it").click()
    expect(page.locator("[data-guidelines-link].is-unread")).to_have_count(0)
    page.reload()
    expect(panel(page).locator("strong")).to_have_text("fair")  # it stands open, as it was left
    expect(panel(page).locator("[data-unread]")).to_have_count(0)


def test_the_panel_is_accessible_fits_and_works_without_scripts(cast: Cast, visitors: Visitors):
    write(cast, "# Rules\n\n" + "Be kind to everybody who reads this. " * 40)
    write(cast, "# Rules\n\n" + "Be fair to everybody who reads this. " * 40)
    cast.project.memberships.update(guidelines_read=1)
    found = []
    for theme, width in (("light", 390), ("dark", 1440)):
        page = visitors.page("bob", JUDGE, viewport={"width": width, "height": 844}, color_scheme=theme)
        expect(panel(page).get_by_role("heading", name="The guidelines changed")).to_be_visible()
        found += violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.context.close()

    assert found == []
    without_scripts = visitors.page("bob", JUDGE, java_script_enabled=False)
    without_scripts.get_by_role("button", name="Guidelines").click()
    without_scripts.get_by_role("button", name="I have read it").click()
    expect(without_scripts.get_by_role("heading", name="Guidelines version")).to_be_visible()
    assert cast.project.memberships.get(user=cast.bob).guidelines_read == 2
