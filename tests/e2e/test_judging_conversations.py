"""A conversation in a real browser: by keyboard and by mouse, with the model away and back."""

from __future__ import annotations

import re

import pytest
from e2e.conftest import Visitors
from e2e.judging import COLOURS, JUDGE, card, drag, press, submit_button, violations
from factories import Cast, make_item
from playwright.sync_api import Page, expect
from talking import offer

from labeling.models import Assignment, Label, Turn
from labeling.services.projects import update_project

pytestmark = pytest.mark.browser


@pytest.fixture
def page(idle_cast: Cast, visitors: Visitors) -> Page:
    """The judging page of bob on a conversation that begins with its prompt."""
    make_item(idle_cast.project, prompt="A colour, please.", texts=COLOURS, kind="conversation")
    found: Page = visitors.page("bob", JUDGE)
    return found


def written(number: int, *texts: str) -> Turn:
    """What the worker does; the page learns of it by the next look."""
    turn: Turn = offer(Turn.objects.get(number=number), *texts)
    return turn


def ranks(label: Label) -> dict[str, int]:
    return dict(label.ranks.values_list("completion__text", "rank"))


def test_a_conversation_by_keyboard_alone(page: Page):
    assignment = Assignment.objects.get()
    press(page, "2 1 2 h Enter")

    page.get_by_label("what do you say next").wait_for()
    page.keyboard.type("And a darker one?")
    press(page, "Control+Enter")
    expect(page.get_by_text("The model is writing")).to_be_visible()
    turn = written(2, "Navy.", "Ink.")
    expect(page.get_by_role("heading", name="Rank what the model could say")).to_be_visible()
    press(page, "1 1")  # a tie
    expect(submit_button(page)).to_be_disabled()
    press(page, "k Control+Enter")
    page.get_by_label("what do you say next").wait_for()
    press(page, "Escape q")

    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    first, second = Label.objects.order_by("id")
    places = [1 if pk == assignment.order[1] else 2 for pk in assignment.order]
    assert [first.ranks.get(completion=pk).rank for pk in assignment.order] == places
    assert first.ratings.exclude(flags=[]).get().flags == ["hallucination"]
    assert set(ranks(second).values()) == {1}
    turn.refresh_from_db()
    assert turn.carried_id in turn.order
    assert turn.prompt.messages[-1]["content"] == "And a darker one?"
    assignment.refresh_from_db()
    assert assignment.state == "submitted"


def test_a_conversation_by_mouse_with_a_rewritten_completion(page: Page):
    slots = page.locator("[data-slot] [data-cards]")
    drag(page, "B", slots.nth(0))
    drag(page, "A", slots.nth(1))
    card(page, "C").get_by_role("button", name="Put C into place 2").click()
    card(page, "B").get_by_role("button", name="Rewrite").click()
    field = page.get_by_label("Or write yourself what carries on")
    source = field.input_value()
    expect(submit_button(page)).to_be_disabled()  # as it was, it is no text of one's own
    field.press("End")
    field.type(" Rather.")
    submit_button(page).click()
    expect(page.get_by_label("what do you say next")).to_be_visible()
    expect(page.locator(".prompt")).to_contain_text(f"{source} Rather.")
    page.get_by_role("button", name="End the conversation").click()

    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    label = Label.objects.get()
    assert label.demonstration is not None
    assert label.suggestion is not None
    assert (label.demonstration.text, label.suggestion.text) == (f"{source} Rather.", source)
    assert sorted(ranks(label).values()) == [1, 2, 3, 3]


def test_a_model_that_is_away_keeps_what_was_said_and_comes_back(idle_cast: Cast, visitors: Visitors):
    update_project(project=idle_cast.project, conversation_opening="topic", conversation_turns=1)
    make_item(idle_cast.project, prompt="Talk about tea.", texts=(), kind="conversation")
    page = visitors.page("bob", JUDGE)
    expect(page.get_by_role("region", name="What to talk about")).to_contain_text("Talk about tea.")
    page.keyboard.type("Half a thought")
    expect(page.locator(".item-saved")).to_have_text("Draft saved")
    page.reload()
    field = page.get_by_label("begin the conversation")
    expect(field).to_have_value("Half a thought")
    page.context.set_offline(True)
    press(page, "Control+Enter")
    expect(page.locator("#outbox")).to_contain_text("offline – 1 submit queued")
    page.context.set_offline(False)
    expect(page.get_by_text("The model is writing")).to_be_visible()
    Turn.objects.update(error="The server at http://model is away.")
    expect(page.get_by_text("The model could not write.")).to_be_visible()
    page.reload()
    expect(page.locator(".prompt")).to_contain_text("Half a thought")
    press(page, "Enter")  # try again
    expect(page.get_by_text("The model is writing")).to_be_visible()
    written(1, "Green tea.", "Black tea.")

    page.get_by_role("heading", name="Rank what the model could say").wait_for()
    other = visitors.open(page.context, JUDGE)
    press(page, "1 2 Enter")
    expect(page.get_by_role("heading", name="That was the last turn.")).to_be_visible()
    other.bring_to_front()
    press(other, "2 1 Control+Enter")
    expect(other.get_by_text("The conversation has gone on")).to_be_visible()
    page.bring_to_front()
    press(page, "Enter")
    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    assert (Turn.objects.count(), Label.objects.count()) == (1, 1)


def test_both_sides_without_scripts(idle_cast: Cast, visitors: Visitors):
    update_project(project=idle_cast.project, conversation_sides="both", conversation_turns=2)
    make_item(idle_cast.project, prompt="A colour, please.", texts=COLOURS, kind="conversation")
    page = visitors.page("bob", JUDGE, java_script_enabled=False)

    page.get_by_label("Write the completion").fill("Mauve,\nas it were.")
    submit_button(page).click()
    page.get_by_label("what do you say next").fill("Why?")
    submit_button(page).click()
    page.get_by_role("button", name="End the conversation").click()

    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    label = Label.objects.get()
    assert label.demonstration is not None
    assert (label.kind, label.demonstration.text) == ("demonstration", "Mauve,\nas it were.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_at_any_step_and_all_fit_a_phone(idle_cast: Cast, visitors: Visitors, theme: str):
    update_project(project=idle_cast.project, conversation_turns=2)
    make_item(idle_cast.project, prompt="A colour, please.", texts=COLOURS, kind="conversation")
    page = visitors.page("bob", JUDGE, color_scheme=theme)
    found = look(page)
    press(page, "1 1 2 ?")
    found += violations(page)
    press(page, "Escape")
    found += look(page)
    card(page, "A").focus()
    press(page, "k Enter")
    page.get_by_label("what do you say next").fill("Another one?")
    found += look(page)
    press(page, "Control+Enter")
    expect(page.get_by_text("The model is writing")).to_be_visible()
    found += look(page)
    Turn.objects.filter(number=2).update(error="The server at http://model is away.")
    expect(page.get_by_text("The model could not write.")).to_be_visible()
    found += look(page)
    written(2, "Only this.")
    expect(page.get_by_role("heading", name="The model says only this")).to_be_visible()
    found += look(page)
    press(page, "Enter")
    expect(page.get_by_role("heading", name="That was the last turn.")).to_be_visible()
    found += look(page)

    assert found == []


def look(page: Page) -> list[str]:
    """What axe finds on a wide screen and on a phone, where nothing is broader than the screen."""
    page.wait_for_timeout(250)  # colours fade for a moment
    found: list[str] = violations(page)
    page.set_viewport_size({"width": 390, "height": 844})
    found += violations(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1440, "height": 900})
    return found + ([] if width == 390 else [f"the page is {width} px wide on a phone"])


def test_by_touch_and_then_each_turn_is_looked_at_again(idle_cast: Cast, visitors: Visitors):
    make_item(idle_cast.project, prompt="A colour, please.", texts=COLOURS, kind="conversation")
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = visitors.page("bob", JUDGE, color_scheme="dark", **phone)
    for letter, place in (("A", 2), ("B", 1), ("C", 1)):
        card(page, letter).get_by_role("button", name=f"Put {letter} into place {place}").tap()
    expect(submit_button(page)).to_be_disabled()  # which of the two carries on?
    card(page, "C").get_by_role("radio").tap()
    card(page, "A").get_by_role("button", name="Flags").tap()
    card(page, "A").get_by_text("Hallucination").tap()
    submit_button(page).tap()
    page.get_by_label("what do you say next").fill("And a darker one?")
    submit_button(page).tap()
    expect(page.get_by_text("The model is writing")).to_be_visible()
    written(2, "Navy.", "Ink.")
    card(page, "A").get_by_role("button", name="Put A into place 1").tap()
    card(page, "B").get_by_role("button", name="Put B into place 2").tap()
    submit_button(page).tap()
    page.get_by_role("button", name="End the conversation").tap()
    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()

    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{JUDGE}back/")
    expect(page.get_by_text("What carried on stays")).to_be_visible()
    press(page, "u")
    expect(page.get_by_role("link", name="Turn 1")).to_have_attribute("aria-current", "page")
    expect(page).to_have_url(re.compile("/turns/1/$"))
    expect(card(page, "C").get_by_text("Carried on")).to_be_visible()
    expect(page.get_by_role("button", name="Keep it as it is")).to_be_enabled()
    found = look(page)
    page.emulate_media(color_scheme="light")
    found += look(page)
    card(page, "C").focus()
    press(page, "p")
    expect(page.get_by_role("button", name="Take the pin off C")).to_be_visible()
    page.get_by_role("button", name="Take the pin off C").click()
    card(page, "C").focus()
    press(page, "3")
    expect(page.get_by_role("button", name="Undo my changes")).to_be_visible()
    page.get_by_role("button", name="Undo my changes").click()
    expect(page.get_by_text("Nothing is changed so far.")).to_be_visible()
    card(page, "C").focus()
    press(page, "3 Control+Enter")
    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()

    assignment = Assignment.objects.get()
    first, second, third = assignment.order
    old, new = Label.objects.filter(turn__number=1).order_by("id")
    assert dict(old.ranks.values_list("completion", "rank")) == {first: 2, second: 1, third: 1}
    assert dict(new.ranks.values_list("completion", "rank")) == {first: 2, second: 1, third: 3}
    assert (old.superseded_by, new.ratings.get().flags) == (new, ["hallucination"])
    assert Turn.objects.get(number=1).carried_id == third
    assert found == []
