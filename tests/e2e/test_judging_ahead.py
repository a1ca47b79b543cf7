"""The next item is there when a submit is made: it was claimed ahead, and nothing is lost when something goes wrong."""

from __future__ import annotations

import pytest
from e2e.conftest import Visitors
from e2e.judging import COLOURS, JUDGE, press
from factories import Cast, make_item
from playwright.sync_api import Page, Route, expect

from labeling.models import Assignment, Label, Slot
from labeling.services import ahead

pytestmark = pytest.mark.browser


@pytest.fixture
def project(idle_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """A queue of five, of which one may be held ahead as long as two are free."""
    monkeypatch.setattr(ahead, "ENOUGH", 2)
    for number in range(5):
        make_item(idle_cast.project, prompt=f"Colour number {number}.", texts=COLOURS, kind="best")
    return idle_cast


def opened(visitors: Visitors) -> Page:
    """The judging page, with one item ahead."""
    page: Page = visitors.context("bob").new_page()
    with page.expect_response("**/ahead/"):
        page.goto(JUDGE)
    return page


def test_the_next_item_is_there_before_the_server_answers(project: Cast, visitors: Visitors):
    page = opened(visitors)
    places = [page.locator(part).bounding_box() for part in (".prompt", "[data-letter=A]", ".action-bar")]
    held: list[Route] = []
    page.route("**/submit/", lambda route: held.append(route))

    press(page, "2 Enter")
    expect(page.locator(".prompt")).to_contain_text("Colour number 1.")
    expect(page.locator("#outbox")).to_be_hidden()
    after = [page.locator(part).bounding_box() for part in (".prompt", "[data-letter=A]", ".action-bar")]
    assert after == places  # nothing jumps
    press(page, "h 1")
    assert not Label.objects.exists()
    with page.expect_response("**/ahead/"):
        held[0].continue_()

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    expect(page.locator(".item-progress")).to_contain_text("1 of 5")
    expect(page.locator("input[name=best]:checked")).to_have_count(1)  # what was done meanwhile stays
    assert Label.objects.get().item == project.project.items.first()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('outbox')).length") <= 1


def test_two_fast_submits_arrive_in_their_order_and_each_once(project: Cast, visitors: Visitors):
    page = opened(visitors)

    press(page, "1 Enter")
    expect(page.locator(".prompt")).to_contain_text("Colour number 1.")
    press(page, "2 Enter")
    expect(page.locator(".prompt")).to_contain_text("Colour number 2.")
    press(page, "3 Enter")
    expect(page.locator(".prompt")).to_contain_text("Colour number 3.")
    for rest in ("Colour number 4.",):
        press(page, "1 Enter")
        expect(page.locator(".prompt")).to_contain_text(rest)
    press(page, "1 Enter")

    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    assert list(Label.objects.order_by("id").values_list("item", flat=True)) == list(
        project.project.items.order_by("id").values_list("id", flat=True)
    )


def test_what_the_server_refuses_comes_back_with_its_work(project: Cast, visitors: Visitors):
    page = opened(visitors)
    press(page, "h n")
    page.keyboard.type("mine")
    press(page, "Escape 2")
    body = '{"detail": "the best is no longer asked for", "code": "invalid"}'
    page.route("**/submit/", lambda route: route.fulfill(status=422, body=body, content_type="application/json"))

    press(page, "Enter")
    expect(page.locator("#notices")).to_contain_text("The best is no longer asked for")
    expect(page.locator(".prompt")).to_contain_text("Colour number 0.")
    expect(page.get_by_label("Notes on this item")).to_have_value("mine")
    page.unroute("**/submit/")
    with page.expect_response("**/submit/"):
        press(page, "Control+Enter")

    expect(page.locator(".prompt")).to_contain_text("Colour number 1.")
    label = Label.objects.get()
    assert (label.notes, label.item) == ("mine", project.project.items.first())


def test_work_goes_on_for_one_item_without_a_connection(project: Cast, visitors: Visitors):
    page = opened(visitors)
    page.context.set_offline(True)

    press(page, "1 Enter")
    expect(page.locator(".prompt")).to_contain_text("Colour number 1.")
    expect(page.locator("#outbox")).to_contain_text("offline – 1 submit queued")
    press(page, "2 Enter")
    expect(page.locator("#outbox")).to_contain_text("offline – 2 submits queued")
    page.context.set_offline(False)

    expect(page.locator(".prompt")).to_contain_text("Colour number 2.")
    expect(page.locator("#outbox")).to_be_hidden()
    assert Label.objects.count() == 2


def test_who_leaves_gives_the_item_back_and_a_skip_takes_it(project: Cast, visitors: Visitors):
    page = opened(visitors)
    held = Assignment.objects.latest("id")
    press(page, "s")
    expect(page.locator("#item")).to_have_attribute("data-assignment", str(held.pk))
    with page.expect_response("**/ahead/"):
        expect(page.locator(".prompt")).to_contain_text("Colour number 1.")
    assert Assignment.objects.count() == 3

    page.wait_for_timeout(300)
    page.goto("/p/colours/")
    for _ in range(40):  # it is sent while the page goes away
        if Assignment.objects.count() == 2:
            break
        page.wait_for_timeout(50)

    assert Assignment.objects.count() == 2
    assert Slot.objects.filter(assignment__isnull=False, is_done=False).get().assignment == held
