"""What holds for rating, best, pair and demonstration alike in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from e2e.conftest import Visitors
from e2e.judging import COLOURS, JUDGE, card, order, press, submit_button, submitted, violations
from factories import Cast, make_item
from playwright.sync_api import Page, expect

from labeling.models import Completion, Label

pytestmark = pytest.mark.browser
WORK = {"rating": "5 5 5", "best": "2", "pair": "2", "demonstration": "Escape 1"}


@pytest.mark.parametrize("kind", WORK)
def test_a_submit_without_a_connection_is_queued_and_sent_once(opened: Callable[..., Page], kind: str):
    page = opened(kind)
    press(page, WORK[kind])
    expect(page.locator(".item-saved")).to_have_text("Draft saved")
    page.context.set_offline(True)

    press(page, "Control+Enter")
    expect(page.locator("#outbox")).to_contain_text("offline – 1 submit queued")
    expect(submit_button(page)).to_be_disabled()
    press(page, "Escape 7 1 h")  # what is queued is not changed any more
    assert not Label.objects.exists()
    page.context.set_offline(False)

    expect(page.locator("#outbox")).to_be_hidden()
    label = submitted(page)
    assert label.kind == kind
    assert not label.ratings.exclude(flags=[]).exists()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('draft')).length") == 0


@pytest.mark.parametrize("kind", ["best", "pair"])
def test_a_choice_and_flags_survive_a_reload(opened: Callable[..., Page], kind: str):
    page = opened(kind)
    press(page, "ArrowRight h 2")
    expect(page.locator(".item-saved")).to_have_text("Draft saved")

    page.reload()

    expect(page.locator(f"input[name={'best' if kind == 'best' else 'choice'}]:checked")).to_have_count(1)
    expect(card(page, "B").get_by_label("Hallucination")).to_be_checked()
    press(page, "Enter")
    label = submitted(page)
    assert label.best_id == order(label)[1] if kind == "best" else label.strength == 2


@pytest.mark.parametrize("kind", ["rating", "best", "pair"])
def test_keys_are_left_alone_while_typing_in_dialogs_and_with_modifiers(opened: Callable[..., Page], kind: str):
    page = opened(kind)

    press(page, "Control+2 Alt+2 Meta+2 ? 2 h Escape n")
    page.keyboard.type("2 hats, g?")
    page.evaluate(
        """document.body.dispatchEvent(new KeyboardEvent("keydown",
        {key: "2", code: "Digit2", bubbles: true, modifierAltGraph: true}))"""
    )

    expect(page.locator(".judgement input:checked")).to_have_count(0)
    expect(page.get_by_label("Notes on this item")).to_have_value("2 hats, g?")


def test_skipping_a_begun_demonstration_asks_first(opened: Callable[..., Page]):
    page = opened("demonstration")
    page.keyboard.type("An hour of work")

    press(page, "Escape s")

    expect(page.get_by_role("dialog")).to_contain_text("You have begun with it")
    press(page, "Escape w")
    page.keyboard.type(".")
    expect(page.get_by_label("Write the completion")).to_have_value("An hour of work.")


@pytest.mark.parametrize("kind", WORK)
def test_the_sheet_tells_the_keys_of_the_kind(opened: Callable[..., Page], kind: str):
    page = opened(kind)

    press(page, "Escape ?")

    heads = {"rating": "Rate", "best": "Pick the best", "pair": "Compare two", "demonstration": "Write"}
    for other, head in heads.items():
        expect(page.get_by_role("heading", name=head, exact=True)).to_be_visible(visible=other == kind)


def test_without_scripts_each_kind_is_a_plain_form(idle_cast: Cast, visitors: Visitors):
    for kind in WORK:
        make_item(
            idle_cast.project, prompt=f"A colour, {kind}.", texts=COLOURS[: 2 if kind == "pair" else 3], kind=kind
        )
    page = visitors.page("bob", JUDGE, java_script_enabled=False)
    for row in range(3):
        page.locator("[data-completion]").nth(row).get_by_role("radio", name="4").check()
    submit_button(page).click()
    page.get_by_label("Pick B").check()
    submit_button(page).click()
    page.get_by_label("B is better").check()
    submit_button(page).click()
    page.get_by_label("Write the completion").fill("Mauve,\nas it were.")
    submit_button(page).click()

    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    assert sorted(Label.objects.values_list("kind", flat=True)) == sorted(WORK)
    assert Completion.objects.get(author=idle_cast.bob).text == "Mauve,\nas it were."


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", WORK)
def test_axe_finds_nothing_and_the_page_fits_a_phone(opened: Callable[..., Page], kind: str, theme: str):
    page = opened(kind, color_scheme=theme)
    found = violations(page)
    press(page, WORK[kind] if kind == "demonstration" else f"{WORK[kind]} h")
    page.wait_for_timeout(300)  # colours fade for a moment
    found += violations(page)
    press(page, "Escape ?")
    found += violations(page)
    press(page, "Escape")
    page.set_viewport_size({"width": 390, "height": 844})
    found += violations(page)

    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("width", [390, 1440])
def test_the_scale_of_a_pair_stays_in_sight_above_the_buttons(opened: Callable[..., Page], width: int):
    page = opened("pair", texts=("word " * 4000, "short"), viewport={"width": width, "height": 844})

    scale, bar = page.locator(".verdict").bounding_box(), page.locator(".action-bar").bounding_box()

    assert scale is not None
    assert bar is not None
    assert bar["y"] + bar["height"] == pytest.approx(844, abs=1)
    assert scale["y"] + scale["height"] == pytest.approx(bar["y"], abs=2)
