"""Two completions pinned side by side, and cards that scroll together."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from e2e.judging import card, decided, press, submitted, violations
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser
LONG = ("red sky " * 900, "blue sea " * 1500, "green tree " * 400, "short")


def pin(page: Page, letter: str) -> Locator:
    return page.locator(f"[data-pin={letter}]")


def scrolled(text: Locator) -> float:
    """The share of its way that a text is scrolled."""
    share: float = text.evaluate("(text) => text.scrollTop / (text.scrollHeight - text.clientHeight)")
    return share


def test_two_are_pinned_whole_by_keyboard_and_ranked_from_there(opened: Callable[..., Page]):
    page = opened("ranking", texts=LONG)
    texts = {letter: card(page, letter).locator(".completion-text").inner_text() for letter in "A"}
    press(page, "5 5 5 5")

    press(page, "p")
    card(page, "B").focus()
    press(page, "p")
    expect(pin(page, "A").locator(".completion-text")).to_have_text(texts["A"].strip())
    expect(pin(page, "B")).to_be_visible()
    card(page, "D").focus()
    press(page, "p")  # a third one takes the place of the first
    expect(page.locator("[data-pin]")).to_have_count(2)
    expect(pin(page, "A")).to_have_count(0)
    found = violations(page)
    pin(page, "D").focus()
    press(page, "1")
    expect(page.locator("[data-slot='1'] [data-letter=D]")).to_be_visible()
    expect(pin(page, "D")).to_be_focused()  # reading goes on
    press(page, "p")
    expect(pin(page, "B")).to_be_focused()
    press(page, "2 p")
    expect(page.locator("[data-pin-board]")).to_be_hidden()
    card(page, "A").focus()
    press(page, "3 3 Enter")

    assert found == []
    assert decided(submitted(page))[1] == [3, 2, 3, 1]


def test_cards_scroll_together_by_the_share_of_their_way_when_that_is_wanted(opened: Callable[..., Page]):
    page = opened("best", texts=LONG[:3])
    card(page, "A").get_by_role("button", name="Pin A").click()
    card(page, "C").get_by_role("button", name="Pin C").click()
    first, second = (pin(page, letter) for letter in "AC")

    first.evaluate("(text) => (text.scrollTop = 300)")
    page.wait_for_timeout(100)
    assert scrolled(second) == 0
    page.get_by_role("button", name="Scroll together").click()
    first.evaluate("(text) => (text.scrollTop = text.scrollHeight / 2)")
    page.wait_for_timeout(100)
    assert scrolled(second) == pytest.approx(scrolled(first), abs=0.02)
    pin(page, "C").hover()
    page.mouse.wheel(0, 10_000)
    page.wait_for_timeout(200)
    assert (scrolled(first), scrolled(second)) == pytest.approx((1, 1), abs=0.02)
    page.reload()
    press(page, "p")
    expect(page.get_by_role("button", name="Scroll together")).to_have_attribute("aria-pressed", "true")
    press(page, "y")

    expect(page.get_by_role("button", name="Scroll together")).to_have_attribute("aria-pressed", "false")


def test_cards_of_a_ranking_scroll_together_too(opened: Callable[..., Page]):
    page = opened("ranking", texts=LONG[:3])
    press(page, "5 5 5 y")

    card(page, "A").evaluate("(text) => (text.scrollTop = text.scrollHeight / 3)")
    page.wait_for_timeout(100)

    assert scrolled(card(page, "B")) == pytest.approx(scrolled(card(page, "A")), abs=0.02)
    assert scrolled(card(page, "B")) > 0.2


def test_on_a_phone_one_swipes_between_the_two_in_the_dark(opened: Callable[..., Page]):
    page = opened("best", texts=LONG, viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True)
    card(page, "A").get_by_role("button", name="Pin A").tap()
    card(page, "B").get_by_role("button", name="Pin B").tap()

    first, row = pin(page, "A").bounding_box(), page.locator("[data-pins-list]")

    assert first is not None
    assert 250 < first["width"] < 360  # a part of the other one is seen
    assert row.evaluate("(row) => row.scrollWidth > row.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert violations(page) == []
