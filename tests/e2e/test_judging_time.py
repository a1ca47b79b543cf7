"""Active time under a clock that the test winds: what counts is defined in labeling.services.active_time."""

from __future__ import annotations

import re

import pytest
from e2e.conftest import Visitors
from e2e.judging import JUDGE, press
from factories import Cast
from playwright.sync_api import Page, expect

from labeling.models import Assignment, Label

pytestmark = pytest.mark.browser


@pytest.fixture
def page(cast: Cast, visitors: Visitors) -> Page:
    opened: Page = visitors.context("bob").new_page()
    opened.clock.install()
    opened.goto(JUDGE)
    return opened


def seconds(page: Page, which: str = "item") -> int:
    """What the page shows as the time of the item, or as the total."""
    minutes, rest = (page.locator(f"[data-time-{which}]").text_content() or "").split(":")
    return 60 * int(minutes) + int(rest)


def hide(page: Page, *, hidden: bool) -> None:
    """As if another tab came in front."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_minute_after_the_last_sign_the_time_stands_still(page: Page):
    page.clock.run_for(600_000)
    assert seconds(page) in (59, 60, 61)

    press(page, "ArrowDown")
    page.clock.run_for(30_000)
    page.mouse.move(300, 300)
    page.clock.run_for(600_000)

    assert seconds(page) == pytest.approx(60 + 30 + 60, abs=4)


def test_a_hidden_tab_and_a_sleeping_computer_do_not_count(page: Page):
    page.clock.run_for(10_000)
    hide(page, hidden=True)
    page.clock.run_for(40_000)
    hide(page, hidden=False)
    press(page, "ArrowDown")
    page.clock.run_for(10_000)
    assert seconds(page) == pytest.approx(20, abs=2)

    page.clock.fast_forward(3_600_000)  # asleep: the timers fire once
    press(page, "ArrowDown")
    page.clock.run_for(5_000)

    assert seconds(page) == pytest.approx(25, abs=4)


def test_the_time_of_an_item_goes_on_after_a_reload_and_counts_in_the_total(page: Page):
    press(page, "6")
    page.clock.run_for(20_000)
    press(page, "6")
    page.clock.run_for(2_000)
    expect(page.locator(".item-saved")).to_have_text("Draft saved")

    page.reload()
    page.clock.run_for(8_000)
    item, total = seconds(page), seconds(page, "total")
    Assignment.objects.update(created="2020-01-01T00:00Z")  # the page's clock ran, the server's did not
    press(page, "6 1 2 3 Enter")

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    assert item == total == pytest.approx(30, abs=3)
    assert Label.objects.get().seconds == pytest.approx(30, abs=3)
    assert seconds(page, "total") == pytest.approx(30, abs=3)
    assert seconds(page) <= 1


def test_the_sheet_says_what_counts(page: Page):
    press(page, "?")

    expect(page.get_by_role("dialog", name="All keys")).to_contain_text(re.compile("in the last 60 seconds"))
    expect(page.get_by_role("dialog", name="All keys")).to_contain_text("A hidden tab")
