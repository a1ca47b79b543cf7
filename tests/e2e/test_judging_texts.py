"""What people and models wrote, however strange, is shown as text."""

from __future__ import annotations

import re

import pytest
from e2e.conftest import Visitors
from e2e.judging import JUDGE, card, press
from factories import make_cast, make_item
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_markup_and_scripts_in_texts_are_shown_as_text(transactional_db: None, settings, visitors: Visitors):
    cast = make_cast(num_items=0)
    attack = '<img src=x onerror="document.title=1"><script>document.title = "taken"</script>'
    make_item(cast.project, prompt=attack, texts=[attack, "</article></form><h1>out</h1>", "a  b\n\tc"])
    page = visitors.page("bob", JUDGE)

    shown = [card(page, letter).locator("[data-text]").text_content() for letter in "ABC"]

    assert sorted(text or "" for text in shown) == sorted([attack, "</article></form><h1>out</h1>", "a  b\n\tc"])
    assert page.locator(".prompt .plain").text_content() == attack
    expect(page).to_have_title(re.compile("^Judge"))


def test_long_and_right_to_left_texts_stay_within_a_phone(transactional_db: None, settings, visitors: Visitors):
    cast = make_cast(num_items=0)
    make_item(cast.project, prompt="لماذا السماء زرقاء؟ " * 500, texts=["w" * 20_000, "كلمة " * 4_000, "short"])
    page = visitors.page("bob", JUDGE, viewport={"width": 390, "height": 844})

    widths = [page.evaluate("document.documentElement.scrollWidth")]
    press(page, "1 2 3")
    widths.append(page.evaluate("document.documentElement.scrollWidth"))

    assert widths == [390, 390]
    direction = "getComputedStyle(document.querySelector('.prompt .plain')).direction"
    assert page.evaluate(direction) == "rtl"
