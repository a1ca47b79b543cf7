"""Judging in a real browser: by keyboard, by mouse, by touch, and without scripts."""

from __future__ import annotations

import re

import pytest
from e2e.conftest import Visitors
from e2e.judging import JUDGE, card, decided, drag, press, violations
from factories import PASSWORD, Cast, claim, make_item
from playwright.sync_api import expect

from labeling.models import Assignment, Label, Outcome, State

pytestmark = pytest.mark.browser


def test_an_item_is_judged_by_keyboard_only_from_the_login_to_the_submit(cast: Cast, visitors: Visitors):
    page = visitors.page()
    page.keyboard.type("bob")
    press(page, "Tab")
    page.keyboard.type(PASSWORD)
    press(page, "Enter")
    expect(page).to_have_title(re.compile("My projects"))
    page.get_by_role("link", name="Colours").focus()
    press(page, "Enter")
    expect(page.get_by_role("link", name="Start judging")).to_be_focused()

    press(page, "Enter")
    expect(card(page, "A")).to_be_focused()
    press(page, "h 7 f 2 4")
    expect(card(page, "A")).to_be_focused()
    press(page, "1 3 3 Enter")

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    label = Label.objects.get()
    assert decided(label) == ([7, 2, 4], [1, 2, 2])
    assert label.assignment is not None
    first, second, _ = label.assignment.order
    flags = dict(label.ratings.values_list("completion", "flags"))
    assert (flags[first], flags[second]) == (["hallucination"], ["fails_task"])
    assert label.comparisons.filter(outcome=Outcome.TIE).count() == 1
    assert 0 < label.seconds < 60
    expect(card(page, "A")).to_be_focused()  # the next item is there, ready for the next key
    assert page.evaluate("Object.keys(localStorage).filter((key) => !key.endsWith(':break'))") == []


def test_an_item_is_judged_by_mouse_with_dragging_and_a_tie(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    for letter, rating in zip("ABC", "536", strict=True):
        card(page, letter).locator(".scale-value").filter(has_text=rating).click()
    expect(page.get_by_role("button", name=re.compile("Submit"))).to_be_disabled()

    drag(page, "C", page.locator("[data-slot='1']"))
    drag(page, "A", page.locator("[data-slot='2']"))
    expect(page.get_by_role("button", name=re.compile("Submit"))).to_be_disabled()
    drag(page, "B", page.locator("[data-slot='2']"))
    page.get_by_role("button", name=re.compile("Submit")).click()

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    assert decided(Label.objects.get()) == ([5, 3, 6], [2, 2, 1])


def test_place_buttons_do_what_dragging_does_and_gaps_are_closed(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    press(page, "5 5 5")

    card(page, "A").get_by_role("button", name="Put A into place 3").click()
    card(page, "B").get_by_role("button", name="Put B into place 1").click()
    card(page, "C").get_by_role("button", name="Put C into place 1").click()
    card(page, "C").get_by_role("button", name="Take C back").click()
    expect(page.get_by_role("button", name=re.compile("Submit"))).to_be_disabled()
    card(page, "C").get_by_role("button", name="Put C into place 3").click()
    page.get_by_role("button", name=re.compile("Submit")).click()

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    assert decided(Label.objects.get()) == ([5, 5, 5], [2, 1, 2])  # places 3, 1, 3


def test_a_default_order_is_never_an_answer(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    press(page, "5 5 5")

    press(page, "Control+Enter Enter")

    expect(page.locator(".action-status")).to_have_text("Give every completion a place first: A, B, C.")
    assert not Label.objects.exists()


def test_keys_are_left_alone_while_typing_in_dialogs_and_with_modifiers(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)

    press(page, "Control+5 Alt+5 Meta+6")
    press(page, "? 5 Escape")
    press(page, "n")
    page.keyboard.type("7 hours, said she? us")
    page.evaluate(
        """document.body.dispatchEvent(new KeyboardEvent("keydown",
        {key: "5", code: "Digit5", bubbles: true, modifierAltGraph: true}))"""
    )

    expect(page.locator(".scale input:checked")).to_have_count(0)
    expect(page.locator(".flags input:checked")).to_have_count(0)
    expect(page.get_by_label("Notes on this item")).to_have_value("7 hours, said she? us")
    press(page, "Escape 6")
    expect(page.locator(".scale input:checked")).to_have_count(1)


def test_control_enter_submits_also_while_writing_notes(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    press(page, "5 5 5 1 2 3 n")
    page.keyboard.type("seen")

    press(page, "Control+Enter")

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    assert Label.objects.get().notes == "seen"


def test_going_back_keeps_what_was_done(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    press(page, "5 6 7 2 1 u")

    press(page, "3")
    expect(page.locator("[data-slot='2'] [data-letter=A]")).to_be_visible()
    press(page, "3 Enter")

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    assert decided(Label.objects.get()) == ([5, 6, 3], [2, 1, 3])


def test_cards_are_ranked_by_touch_on_their_handle(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for letter in "ABC":
        card(page, letter).locator(".scale-value").filter(has_text="5").tap()
    handle = card(page, "C").locator("[data-handle]")
    slot = page.locator("[data-slot='1']")
    slot.scroll_into_view_if_needed()
    start, goal = handle.bounding_box(), slot.bounding_box()
    assert start is not None
    assert goal is not None
    device = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    x, y = start["x"] + 20, start["y"] + 20
    end = goal["y"] + goal["height"] / 2
    touch("touchStart", (x, y))
    for step in range(1, 11):
        touch("touchMove", (x + 6 * step, y + (end - y) * step / 10))
        page.wait_for_timeout(40)
    touch("touchEnd")

    expect(page.locator("[data-slot='1'] [data-letter=C]")).to_be_visible()
    expect(page.locator(".action-status")).to_have_text("Completion C is in place 1.")


def test_skipping_asks_only_when_there_is_work_and_takes_a_reason_by_one_key(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    first = page.locator("#item").get_attribute("data-assignment")

    press(page, "s")
    expect(page.locator("#item")).not_to_have_attribute("data-assignment", first or "")
    expect(card(page, "A")).to_be_focused()
    press(page, "5 s")
    expect(page.get_by_role("dialog")).to_contain_text("You have begun with it")
    press(page, "Escape s 3")

    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    assert sorted(Assignment.objects.values_list("state", "skip_reason")) == [
        (State.SKIPPED, ""),
        (State.SKIPPED, "language"),
    ]


def test_new_items_appear_by_themselves_when_all_was_done(cast: Cast, visitors: Visitors):
    claim(cast.project, cast.dora)
    page = visitors.context("bob").new_page()
    page.clock.install()
    page.goto(JUDGE)
    press(page, "5 5 5 1 1 1 Enter")
    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()

    make_item(cast.project, prompt="One more.")
    page.clock.run_for(16_000)

    expect(card(page, "A")).to_be_visible()


def test_without_scripts_the_page_is_a_plain_form(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE, java_script_enabled=False)
    for row, (rating, place) in enumerate([("7", "1"), ("3", "3"), ("3", "3")]):
        completion = page.locator("[data-completion]").nth(row)
        completion.get_by_role("radio", name=rating).check()
        completion.get_by_role("combobox").select_option(place)

    page.get_by_role("button", name=re.compile("Submit")).click()

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    assert decided(Label.objects.get()) == ([7, 3, 3], [1, 2, 2])


def test_a_reason_for_skipping_may_be_given_in_words_and_digits_are_no_reasons_while_typing(
    cast: Cast, visitors: Visitors
):
    page = visitors.page("bob", JUDGE)
    dialog = page.get_by_role("dialog", name="Skip this item?")

    first = page.locator("#item").get_attribute("data-assignment")
    press(page, "S 6")
    expect(page.get_by_label("In a few words")).to_be_focused()
    page.keyboard.type("3 of them are maps")
    assert violations(page) == []
    press(page, "Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#item")).not_to_have_attribute("data-assignment", first or "")
    expect(card(page, "A")).to_be_focused()
    press(page, "S Enter")  # without any

    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    assert set(Assignment.objects.values_list("skip_reason", flat=True)) == {"other: 3 of them are maps", ""}
