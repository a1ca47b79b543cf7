"""Demonstrations in a real browser: written, begun from suggestions, and never lost."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from e2e.conftest import Visitors
from e2e.judging import JUDGE, card, order, press, submit_button, submitted
from factories import Cast
from playwright.sync_api import Page, expect

from labeling.models import Assignment

pytestmark = pytest.mark.browser


def test_a_demonstration_is_written_and_submitted_from_the_field(idle_cast: Cast, opened: Callable[..., Page]):
    page = opened("demonstration", texts=())
    expect(page.get_by_label("Write the completion")).to_be_focused()
    expect(submit_button(page)).to_be_disabled()
    press(page, "Control+Enter")
    expect(page.locator(".action-status")).to_have_text("Write the completion first.")

    page.keyboard.type("so 1 sunset?")
    press(page, "Enter")
    page.keyboard.type("Yes.")
    expect(page.locator("[data-counter]")).to_have_text("17 of 100,000 characters")
    press(page, "Control+Enter")

    label = submitted(page)
    assert label.demonstration is not None
    assert (label.demonstration.text, label.demonstration.author) == ("so 1 sunset?\nYes.", idle_cast.bob)
    assert (label.suggestion_id, label.seconds > 0) == (None, True)


def test_a_suggestion_is_taken_over_by_key_and_edited(opened: Callable[..., Page]):
    page = opened("demonstration")
    shown = card(page, "B").locator("[data-text]").text_content() or ""

    press(page, "Escape 2")
    expect(page.get_by_label("Write the completion")).to_have_value(shown)
    expect(page.get_by_label("Write the completion")).to_be_focused()
    press(page, "Control+End")
    page.keyboard.type(" Or so.")
    press(page, "Control+Enter")

    label = submitted(page)
    assert label.demonstration is not None
    assert label.demonstration.text == f"{shown} Or so."
    assert label.suggestion_id == order(label)[1]


def test_what_was_written_is_replaced_only_after_asking(opened: Callable[..., Page]):
    page = opened("demonstration")
    field = page.get_by_label("Write the completion")
    shown = card(page, "A").locator("[data-text]").text_content() or ""
    page.keyboard.type("Mine.")

    card(page, "A").get_by_role("button", name="Take over").click()
    expect(page.get_by_role("dialog")).to_contain_text("Replace what you wrote?")
    press(page, "Escape")
    expect(field).to_have_value("Mine.")
    press(page, "Control+Enter")
    label = submitted(page)

    assert label.demonstration is not None
    assert (label.demonstration.text, label.suggestion_id) == ("Mine.", None)
    assert shown != "Mine."


def test_a_replaced_text_comes_from_the_suggestion_until_it_is_wiped(opened: Callable[..., Page]):
    page = opened("demonstration")
    page.keyboard.type("Mine.")
    card(page, "A").get_by_role("button", name="Take over").click()
    page.get_by_role("button", name="Replace it").click()
    expect(page.locator(".action-status")).to_have_text("Begun from suggestion A.")
    card(page, "C").get_by_role("button", name="Take over").click()  # untouched since: nothing to ask
    expect(page.locator(".action-status")).to_have_text("Begun from suggestion C.")

    press(page, "Control+a Delete")
    page.keyboard.type("Anew.")
    submit_button(page).click()

    label = submitted(page)
    assert label.demonstration is not None
    assert (label.demonstration.text, label.suggestion_id) == ("Anew.", None)


def test_a_demonstration_survives_a_reload_and_another_browser(
    idle_cast: Cast, visitors: Visitors, opened: Callable[..., Page]
):
    page = opened("demonstration")
    press(page, "Escape 3")
    page.keyboard.type("Half of it: ")
    expect(page.locator(".item-saved")).to_have_text("Draft saved")

    page.reload()
    elsewhere = visitors.page("bob", JUDGE)

    for there in (page, elsewhere):
        expect(there.get_by_label("Write the completion")).to_have_value(re.compile("^Half of it: "))
        expect(there.locator(".action-status")).to_have_text("Begun from suggestion C.")


def test_a_long_demonstration_survives_a_reload_while_the_server_is_out_of_reach(opened: Callable[..., Page]):
    page = opened("demonstration")
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('no connection')); }")
    page.get_by_label("Write the completion").fill("é" * 99_000)
    expect(page.locator(".item-saved")).to_have_text("Saved in this browser only")

    page.reload()

    expect(page.locator("#toasts")).to_contain_text("restored")
    expect(page.locator("[data-counter]")).to_have_text("99,000 of 100,000 characters")
    assert Assignment.objects.get().draft == {}


def test_a_text_that_is_too_long_is_not_cut_and_not_sent(opened: Callable[..., Page]):
    page = opened("demonstration")
    page.get_by_label("Write the completion").fill("w" * 100_002)

    expect(submit_button(page)).to_be_disabled()
    press(page, "Control+Enter")
    expect(page.locator(".action-status")).to_have_text("This is too long: at most 100,000 characters are kept.")
    press(page, "Control+End Backspace Backspace Control+Enter")

    label = submitted(page)
    assert label.demonstration is not None
    assert len(label.demonstration.text) == 100_000


@pytest.mark.parametrize("is_old", [False, True])
def test_the_field_grows_with_its_text_up_to_the_screen(
    idle_cast: Cast, visitors: Visitors, opened: Callable[..., Page], is_old: bool
):
    page = opened("demonstration", texts=())
    if is_old:  # a browser that knows neither the style nor the segmenter
        page.add_init_script("CSS.supports = () => false; delete Intl.Segmenter;")
        page.reload()
        page.get_by_label("Write the completion").evaluate(
            "(field) => field.style.setProperty('field-sizing', 'fixed')"
        )
    field = page.get_by_label("Write the completion")
    heights = []
    for lines in (1, 20, 400):
        field.fill("line\n" * lines)
        box = field.bounding_box()
        assert box is not None
        heights.append(box["height"])

    assert heights[0] < heights[1] < heights[2] < 900


def test_a_suggestion_is_taken_over_by_touch(opened: Callable[..., Page]):
    page = opened("demonstration", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)

    card(page, "B").get_by_role("button", name="Take over").tap()
    submit_button(page).tap()

    label = submitted(page)
    assert label.suggestion_id == order(label)[1]
