"""From the login to item after item with nothing but the keyboard."""

from __future__ import annotations

import re

import pytest
from e2e.conftest import Visitors
from factories import PASSWORD, Cast, make_item
from playwright.sync_api import expect

from labeling.models import Label, Rating

pytestmark = pytest.mark.browser

ITEMS = 100


def test_from_the_login_to_the_hundredth_item_by_keys_alone(idle_cast: Cast, visitors: Visitors):
    for number in range(ITEMS):
        make_item(idle_cast.project, prompt=f"Colour {number}?", texts=(f"Red {number}.",), kind="rating")
    page = visitors.page("", "/")
    keys = page.keyboard
    keys.type("bob")
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    expect(page).to_have_title(re.compile("My projects"))
    page.get_by_role("link", name="Colours").focus()
    keys.press("Enter")
    expect(page.get_by_role("link", name="Start judging")).to_be_focused()
    keys.press("Enter")

    for done in range(ITEMS):
        expect(page.locator(".item-mine")).to_have_text(f"{done} by me")
        expect(page.locator("[data-letter=A]")).to_be_focused()
        keys.press(str(done % 7 + 1))
        keys.press("Enter")
    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()

    ratings = Rating.objects.order_by("label_id").values_list("value", flat=True)
    assert list(ratings) == [number % 7 + 1 for number in range(ITEMS)]
    assert Label.objects.filter(annotator=idle_cast.bob).count() == ITEMS
