"""Pages that read themselves anew while somebody works on them, and forms that come back."""

from __future__ import annotations

import pytest
from e2e.conftest import Visitors
from factories import Cast
from playwright.sync_api import Page, expect

from alignment import services
from alignment.gating.records import begin, new
from alignment.models import Policy, Run

pytestmark = pytest.mark.browser


@pytest.fixture
def at_the_gate(idle_cast: Cast) -> Cast:
    """Version 2 is asked about, against version 1."""
    services.ensure_loop(project_id=idle_cast.project.pk)
    first = Policy.objects.get(project=idle_cast.project.pk, version=1)
    run = Run.objects.create(project=idle_cast.project, method="dpo", trigger="person", config={}, code_version="0")
    fields = {"run": run, "method": "dpo", "path": "p", "digest": "0" * 64, "parent": first}
    begin(new(candidate=Policy.objects.create(project=idle_cast.project, version=2, **fields), against=first))
    return idle_cast


def read_anew(page: Page, part: str) -> None:
    """What an event of the websocket does to a part of the page."""
    page.evaluate("part => document.getElementById(part).dataset.old = '1'", part)
    page.evaluate("part => htmx.trigger(document.getElementById(part), 'refresh')", part)


def test_what_is_unfolded_written_and_in_focus_stays_when_a_page_reads_itself_anew(
    at_the_gate: Cast, visitors: Visitors
):
    page = visitors.page("alice", "/p/colours/gate/")
    reason = page.get_by_label("Why it must not serve")
    anew = page.locator("#gate:not([data-old])")

    page.get_by_text("Refuse version 2").click()
    read_anew(page, "gate")
    expect(anew).to_be_visible()
    expect(reason).to_be_visible()
    assert page.evaluate("document.activeElement.textContent") == "Refuse version 2"
    reason.fill("It is rude.")
    read_anew(page, "gate")
    page.wait_for_timeout(300)

    assert anew.count() == 0
    assert reason.input_value() == "It is rude."
    reason.fill("")
    reason.blur()
    expect(anew).to_be_visible()  # by itself: nothing more has to happen


def test_charts_follow_the_theme(at_the_gate: Cast, visitors: Visitors):
    page = visitors.page("alice", "/p/colours/watch/", color_scheme="light")
    page.locator("[data-drawn] canvas").first.wait_for()
    painted = "[...document.querySelectorAll('[data-drawn] canvas')].map(canvas => canvas.toDataURL())"
    light = page.evaluate(painted)

    page.get_by_role("button", name="Switch between light and dark").click()
    page.wait_for_timeout(100)

    assert len(light) == len(page.evaluate(painted)) > 0
    assert page.evaluate(painted) != light


def test_a_refused_form_shows_what_is_wrong_however_far_below_it_stands(at_the_gate: Cast, visitors: Visitors):
    page = visitors.page("alice", "/p/colours/loop/", viewport={"width": 1440, "height": 500})

    page.get_by_label("Temperature").fill("99")
    page.get_by_label("Temperature").press("Enter")

    expect(page.get_by_text("less than or equal to 10")).to_be_in_viewport()
    expect(page.get_by_label("Temperature")).to_be_focused()
