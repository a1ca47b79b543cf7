"""Rating, best and pair in a real browser, by keyboard and by mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from e2e.judging import card, order, press, submit_button, submitted
from playwright.sync_api import Page, expect

from labeling.models import Outcome

pytestmark = pytest.mark.browser


# --- Rating -----------------------------------------------------------------------------------------------------------


def test_completions_are_rated_one_after_the_other_by_keyboard(opened: Callable[..., Page]):
    page = opened("rating")
    expect(page.locator(".page-counter:visible")).to_have_text("1 of 3")

    press(page, "6 o 2")
    expect(card(page, "C")).to_be_focused()
    expect(page.locator(".page-counter:visible")).to_have_text("3 of 3")
    press(page, "Enter Control+Enter")
    expect(page.locator(".action-status")).to_have_text("Rate every completion first: C.")
    press(page, "7")
    expect(card(page, "C")).to_be_visible()
    press(page, "u 3 Enter")

    label = submitted(page)
    ratings = dict(label.ratings.values_list("completion", "value"))
    assert [ratings[pk] for pk in order(label)] == [6, 3, 7]
    assert label.ratings.get(completion=order(label)[1]).flags == ["opinion"]
    assert label.ranks.count() == 0


def test_completions_are_rated_by_mouse_and_submitted_after_the_last(opened: Callable[..., Page]):
    page = opened("rating")
    for letter, rating in zip("ABC", "717", strict=True):
        expect(submit_button(page)).to_have_count(0)  # hidden
        card(page, letter).locator(".scale-value").filter(has_text=rating).click()

    submit_button(page).click()

    label = submitted(page)
    ratings = dict(label.ratings.values_list("completion", "value"))
    assert [ratings[pk] for pk in order(label)] == [7, 1, 7]


def test_the_text_can_be_hidden_and_shown_again_by_key_and_by_mouse(opened: Callable[..., Page]):
    page = opened("rating")
    text = card(page, "A").locator(".completion-text")

    press(page, "t")
    expect(text).to_be_hidden()
    expect(page.get_by_role("button", name="Hide the completion")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Hide the completion").click()

    expect(text).to_be_visible()


# --- Best -------------------------------------------------------------------------------------------------------------


def test_the_best_is_picked_by_its_number_and_taken_back_by_it(opened: Callable[..., Page]):
    page = opened("best")
    expect(submit_button(page)).to_be_disabled()

    press(page, "3 3")
    expect(page.locator("input[name=best]:checked")).to_have_count(0)
    press(page, "Enter Control+Enter")
    expect(page.locator(".action-status")).to_have_text("Pick the one you like most.")
    press(page, "2 h ArrowLeft m Enter")

    label = submitted(page)
    first, second, _ = order(label)
    assert label.best_id == second
    assert dict(label.ratings.values_list("completion", "flags")) == {
        first: ["moral_judgment"],
        second: ["hallucination"],
    }


def test_the_best_is_picked_by_mouse_and_taken_back_by_a_second_click(opened: Callable[..., Page]):
    page = opened("best")
    card(page, "A").locator(".pick").click()
    expect(card(page, "A").get_by_text("Picked")).to_be_visible()
    card(page, "A").locator(".pick").click()
    expect(submit_button(page)).to_be_disabled()
    expect(page.locator("input[name=best]:checked")).to_have_count(0)

    card(page, "C").locator(".pick").click()
    card(page, "B").get_by_role("button", name="Flags").click()
    card(page, "B").get_by_label("Expresses opinion").check()
    card(page, "B").get_by_role("button", name="Flags").click()
    expect(card(page, "B").get_by_label("Expresses opinion")).to_be_visible()  # raised flags stay in sight
    expect(card(page, "B").get_by_label("Hallucination")).to_be_hidden()
    submit_button(page).click()

    label = submitted(page)
    _, second, third = order(label)
    assert label.best_id == third
    assert dict(label.ratings.values_list("completion", "flags")) == {second: ["opinion"]}


# --- Pair -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "chosen", "strength"),
    [("1", 0, 3), ("3", 0, 1), ("6", 1, 2), ("4", None, None), ("0", None, None)],
)
def test_a_pair_is_judged_by_one_digit(opened: Callable[..., Page], key: str, chosen: int | None, strength: int | None):
    page = opened("pair")

    press(page, f"{key} Enter")

    label = submitted(page)
    comparison = label.comparisons.get()
    assert label.strength == strength
    if chosen is None:
        assert comparison.outcome == Outcome.TIE
    else:
        assert (comparison.outcome, comparison.chosen_id) == (Outcome.WIN, order(label)[chosen])


def test_flags_of_a_pair_go_to_the_card_in_focus_and_a_choice_is_taken_back(opened: Callable[..., Page]):
    page = opened("pair")
    press(page, "a ArrowRight e e a 7 7")
    expect(page.locator("input[name=choice]:checked")).to_have_count(0)

    press(page, "Enter")
    expect(page.locator(".action-status")).to_have_text("Choose from 1 (A) to 7 (B).")
    press(page, "8 9 5 Control+Enter")

    label = submitted(page)
    assert dict(label.ratings.values_list("completion", "flags")) == {pk: ["harmful_advice"] for pk in order(label)}
    assert label.strength == 1


def test_a_pair_is_judged_by_mouse_and_then_changed_by_the_arrow_keys(opened: Callable[..., Page]):
    page = opened("pair")
    expect(submit_button(page)).to_be_disabled()
    page.locator(".verdict .scale-value").filter(has_text="B is much better").click()
    expect(page.locator(".action-status")).to_have_text("Your choice: B is much better.")

    press(page, "ArrowLeft Enter")

    label = submitted(page)
    assert (label.strength, label.comparisons.get().chosen_id) == (2, order(label)[1])


# --- By touch ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rating", "best", "pair"])
def test_a_choice_is_made_by_touch(opened: Callable[..., Page], kind: str):
    page = opened(kind, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    if kind == "rating":
        for letter in "ABC":
            card(page, letter).locator(".scale-value").filter(has_text="5").tap()
    elif kind == "best":
        card(page, "C").locator(".pick").tap()
    else:
        page.locator(".verdict .scale-value").nth(4).tap()

    submit_button(page).tap()

    label = submitted(page)
    if kind == "rating":
        assert list(label.ratings.values_list("value", flat=True)) == [5, 5, 5]
    else:
        assert label.best_id == order(label)[2] if kind == "best" else label.strength == 1
