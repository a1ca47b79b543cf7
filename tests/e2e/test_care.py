"""Content warnings, topics one does not want to see, and breaks: offered, and never in the way."""

from __future__ import annotations

import json
import time

import pytest
from e2e.conftest import Visitors
from e2e.judging import JUDGE, press, violations
from factories import Cast
from playwright.sync_api import Page, expect

from labeling.models import Assignment, Label, State
from labeling.services.topics import set_topics

pytestmark = pytest.mark.browser


def count_worked(page: Page, cast: Cast, *, minutes: int) -> None:
    """As if the person had worked that long in this browser, and then open the judging page."""
    page.goto("/")
    state = json.dumps({"seconds": minutes * 60, "at": time.time() * 1000})
    page.evaluate(f"localStorage.setItem('prefloop:{cast.bob.pk}:break', '{state}')")
    page.goto(JUDGE)


def test_a_warning_comes_before_a_sensitive_item_and_one_key_decides(cast: Cast, visitors: Visitors):
    for item in cast.items:
        set_topics(prompt=item.prompt, topics=["violent", "self_harm"])
    page = visitors.page("bob", JUDGE)
    expect(page.get_by_role("heading", name="Violence, self-harm")).to_be_visible()
    expect(page.get_by_text("Name a colour")).to_have_count(0)
    found = violations(page)

    press(page, "Enter")
    expect(page.get_by_text("Name a colour")).to_be_visible()
    press(page, "5 4 3 1 2 3 Control+Enter")
    expect(page.get_by_role("heading", name="Violence, self-harm")).to_be_visible()
    assert Label.objects.count() == 1
    press(page, "s")

    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    assert Assignment.objects.get(state=State.SKIPPED).skip_reason == "sensitive"
    dark = visitors.page("dora", JUDGE, viewport={"width": 390, "height": 844}, color_scheme="dark")
    assert found + violations(dark) == []
    assert dark.evaluate("document.documentElement.scrollWidth") <= 390
    without_scripts = visitors.page("dora", JUDGE, java_script_enabled=False)
    without_scripts.get_by_role("link", name="Show it").click()
    expect(without_scripts.get_by_text("Name a colour")).to_be_visible()


def test_a_topic_is_opted_out_of_in_ones_own_settings(cast: Cast, visitors: Visitors):
    set_topics(prompt=cast.items[0].prompt, topics=["hate"])
    page = visitors.page("bob", JUDGE)
    page.get_by_role("link", name="Choose topics in your settings").click()
    page.get_by_label("Hate").check()
    page.get_by_label("Minutes of active work until a reminder").fill("30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your settings are saved.")).to_be_visible()
    found = violations(page)
    page.goto(JUDGE)

    expect(page.get_by_text("Name a colour, number 1.")).to_be_visible()
    cast.bob.refresh_from_db()
    assert (cast.bob.opted_out, cast.bob.break_minutes) == (["hate"], 30)
    assert found == []


def test_a_break_is_offered_between_items_and_takes_no_key_away(cast: Cast, visitors: Visitors):
    page = visitors.page("bob")
    reminder = page.locator("#break")
    count_worked(page, cast, minutes=49)
    expect(page.locator("[data-completion]").first).to_be_visible()
    expect(reminder).to_be_hidden()

    count_worked(page, cast, minutes=51)
    expect(reminder.get_by_text("You have worked for 51 minutes.")).to_be_visible()
    press(page, "5 4 3 1 2 3")  # keys are still for the work
    assert violations(page) == []
    reminder.get_by_role("button", name="In 10 minutes").click()
    expect(reminder).to_be_hidden()
    press(page, "Control+Enter")
    expect(page.get_by_text("Name a colour, number 1.")).to_be_visible()
    expect(reminder).to_be_hidden()
    assert Label.objects.count() == 1


def test_who_switched_the_reminder_off_has_none(cast: Cast, visitors: Visitors):
    cast.bob.break_minutes = 0
    cast.bob.save()
    page = visitors.page("bob", JUDGE)

    expect(page.locator("#break")).to_have_count(0)
