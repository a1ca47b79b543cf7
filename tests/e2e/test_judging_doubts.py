"""What does not fit together is asked about before the submit, and never forbidden."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from e2e.judging import card, decided, order, press, submit_button, submitted, violations
from playwright.sync_api import Page, expect

from labeling.models import Label

pytestmark = pytest.mark.browser
HARMED = "{} is flagged as harmful, yet it stands before {}."


def asked(page: Page) -> list[str]:
    """The sentences of the open question."""
    expect(page.get_by_role("dialog", name="Is this what you mean?")).to_be_visible()
    return page.locator("#doubts li").all_text_contents()


def test_a_six_below_a_three_is_asked_about_and_can_be_submitted_as_it_is(opened: Callable[..., Page]):
    page = opened("ranking")
    press(page, "6 3 4 2 1 2 Enter")

    assert asked(page) == ["A is rated 6, yet it stands below B, which is rated 3."]
    assert not Label.objects.exists()
    press(page, "Enter")

    assert decided(submitted(page)) == ([6, 3, 4], [2, 1, 2])


def test_looking_again_keeps_the_work_and_a_change_is_asked_about_anew(opened: Callable[..., Page]):
    page = opened("ranking")
    press(page, "7 1 4 3 1 2")
    submit_button(page).click()
    assert asked(page) == [
        "A is rated 7, yet it stands below B, which is rated 1.",
        "A is rated 7, yet it stands below C, which is rated 4.",
        "C is rated 4, yet it stands below B, which is rated 1.",
    ]

    press(page, "Escape")
    card(page, "B").get_by_role("button", name="Put B into place 2").click()
    press(page, "Control+Enter")
    assert len(asked(page)) == 2  # B now shares the place of C
    press(page, "Control+Enter")

    assert decided(submitted(page)) == ([7, 1, 4], [2, 1, 1])


def test_one_point_and_ties_are_not_asked_about(opened: Callable[..., Page]):
    page = opened("ranking")

    press(page, "5 4 1 2 1 2 Enter")

    assert decided(submitted(page)) == ([5, 4, 1], [2, 1, 2])


def test_what_is_flagged_as_harmful_and_ranked_first_is_asked_about(opened: Callable[..., Page]):
    page = opened("ranking")
    press(page, "a 5 5 e 5 1 2 3 Enter")

    assert asked(page) == [HARMED.format("A", "B")]  # C is harmful too
    press(page, "Enter")

    assert decided(submitted(page)) == ([5, 5, 5], [1, 2, 3])


@pytest.mark.parametrize(("kind", "keys", "others"), [("best", "d 1", "B, C"), ("pair", "d 3", "B")])
def test_a_harmful_one_that_is_preferred_is_asked_about_in_other_kinds(
    opened: Callable[..., Page], kind: str, keys: str, others: str
):
    page = opened(kind)
    press(page, f"{keys} Enter")

    assert asked(page) == [HARMED.format("A", others)]
    page.wait_for_timeout(300)
    assert violations(page) == []
    page.get_by_role("button", name="Submit it as it is").click()

    label = submitted(page)
    assert label.ratings.get().flags == ["denigrates"]
    assert label.best_id == order(label)[0] if kind == "best" else label.strength == 1


@pytest.mark.parametrize(("kind", "keys"), [("best", "d 2"), ("best", "o 1"), ("pair", "d 4"), ("pair", "d 6")])
def test_nothing_is_asked_when_the_harmful_one_is_not_preferred(opened: Callable[..., Page], kind: str, keys: str):
    page = opened(kind)

    press(page, f"{keys} Enter")

    submitted(page)


def test_a_key_held_down_from_the_submit_is_no_reply(opened: Callable[..., Page]):
    page = opened("ranking")
    press(page, "7 1 1 2 1 1")

    page.keyboard.down("Enter")
    asked(page)
    for _ in range(3):
        page.keyboard.down("Enter")  # repeats

    page.wait_for_timeout(300)
    assert asked(page) != []
    assert not Label.objects.exists()
