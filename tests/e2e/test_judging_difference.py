"""Any two completions compared word by word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from e2e.judging import card, press, violations
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
DIFFERENCE = (
    """([one, other]) => import("/static/js/judge/difference.js").then((module) => module.difference(one, other))"""
)


def parts(page: Page, one: str, other: str) -> Any:
    return page.evaluate(DIFFERENCE, [one, other])


@pytest.mark.parametrize(
    ("one", "other", "left", "right"),
    [
        ("a b c", "a b c", [["a b c", True]], [["a b c", True]]),
        ("", "", [], []),
        ("a", "", [["a", False]], []),
        ("the red sky", "the sky", [["the ", True], ["red ", False], ["sky", True]], [["the sky", True]]),
        (
            "It is blue.",
            "It was blue.",
            [["It ", True], ["is", False], [" blue.", True]],
            [["It ", True], ["was", False], [" blue.", True]],
        ),
        ("x y", "y x", [["x ", False], ["y", True]], [["y", True], [" x", False]]),
        (
            "天空很蓝",
            "天空不蓝",
            [["天空", True], ["很", False], ["蓝", True]],
            [["天空", True], ["不", False], ["蓝", True]],
        ),
    ],
)
def test_what_only_one_has_is_told_apart(opened: Callable[..., Page], one: str, other: str, left: Any, right: Any):
    page = opened("pair")

    assert parts(page, one, other) == [left, right]


def test_long_texts_are_compared_in_time_and_nothing_of_them_is_lost(opened: Callable[..., Page]):
    page = opened("pair")
    one = "".join(f"word{number % 97} and\nmore {number}\n" for number in range(4000))
    other = "".join(f"word{number % 89} and\nmore {number}\n" for number in range(4000))

    left, right = parts(page, one, other)  # Playwright's time limit is the test's

    assert ("".join(text for text, _ in left), "".join(text for text, _ in right)) == (one, other)
    common = ["".join(text for text, is_common in side if is_common) for side in (left, right)]
    assert common[0] == common[1]
    assert "more 3999" in common[0]


def test_a_pair_is_compared_by_key_and_the_choice_is_left_alone(opened: Callable[..., Page]):
    page = opened("pair", texts=("Mix flour and water.", "Mix flour and milk."))
    texts = [card(page, letter).locator("[data-text]").text_content() or "" for letter in "AB"]

    press(page, "r")
    dialog = page.get_by_role("dialog", name="Difference word by word")
    expect(dialog.locator("[data-side]")).to_have_text(texts)
    assert sorted(dialog.locator("del, ins").all_text_contents()) == ["milk", "water"]
    page.wait_for_timeout(300)
    assert violations(page) == []
    press(page, "2 Escape")

    expect(page.locator("input[name=choice]:checked")).to_have_count(0)
    expect(card(page, "A")).to_be_focused()


def test_any_two_of_a_ranking_are_compared_by_mouse(opened: Callable[..., Page]):
    page = opened("ranking")
    press(page, "5 5 5")
    texts = [card(page, letter).locator("[data-text]").text_content() or "" for letter in "ABC"]

    page.get_by_role("button", name="Compare words").click()
    page.get_by_label("The one").select_option("A")
    page.get_by_label("The other").select_option("C")

    expect(page.locator("[data-side]")).to_have_text([texts[0], texts[2]])
    press(page, "Escape")
    card(page, "B").focus()
    press(page, "r")
    expect(page.locator("[data-side]")).to_have_text([texts[1], texts[2]])


def test_the_difference_fits_a_phone_and_shows_markup_as_text(opened: Callable[..., Page]):
    texts = ("<b>x</b> " + "long " * 400, "<script>document.title = 1</script>" + "w" * 3000)
    page = opened("best", texts=texts, viewport={"width": 390, "height": 844})

    page.get_by_role("button", name="Compare words").click()

    shown = sorted(page.locator("[data-side]").all_text_contents())
    assert shown == sorted(texts)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("document.querySelector('#difference').scrollWidth") <= 390
