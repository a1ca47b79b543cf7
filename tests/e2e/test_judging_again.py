"""Back to what one judged, in a real browser: looked at, changed, left alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from e2e.conftest import Visitors
from e2e.judging import COLOURS, JUDGE, card, decided, press, submit_button, violations
from factories import PASSWORD, Cast, claim, judge, make_item
from playwright.sync_api import Page, expect

from labeling.models import Assignment, Label, Session

pytestmark = pytest.mark.browser
KEYS = {"ranking": "5 4 3 1 2 3", "rating": "6 4 2", "best": "2", "pair": "2", "demonstration": "Escape 1"}
CHANGES = {"ranking": "u 4 3", "rating": "7", "best": "1", "pair": "6", "demonstration": "End x"}


def revising(page: Page) -> None:
    expect(page.locator(".revising")).to_contain_text("You are revising what you judged.")


@pytest.mark.parametrize("kind", KEYS)
def test_a_judgement_of_each_kind_is_changed_by_keyboard_and_work_goes_on(
    idle_cast: Cast, opened: Callable[..., Page], kind: str
):
    page = opened(kind)
    make_item(idle_cast.project, prompt="The next one.", texts=COLOURS, kind="best")
    press(page, f"{KEYS[kind]} Control+Enter")
    expect(page.locator(".prompt")).to_contain_text("The next one.")

    press(page, "h u")
    revising(page)
    expect(submit_button(page)).to_have_count(0)  # it says that nothing would change
    expect(page.get_by_role("button", name=re.compile("Keep it as it is"))).to_be_enabled()
    press(page, "s S")  # what was judged cannot be skipped
    found = violations(page)
    press(page, CHANGES[kind])
    expect(page.get_by_role("button", name=re.compile("Submit the change"))).to_be_enabled()
    expect(page.locator(".item-saved")).to_have_text("Draft saved")
    page.reload()
    revising(page)
    expect(page.get_by_role("button", name="Undo my changes")).to_be_visible()
    press(page, "Control+Enter")

    expect(page.locator("#toasts")).to_contain_text("Your judgement was revised.")
    expect(page).to_have_url(re.compile(f"{JUDGE}$"))
    expect(card(page, "A").get_by_label("Hallucination")).to_be_checked()  # the open item is as it was left
    assert found == []
    assert (Label.objects.count(), Label.objects.filter(superseded_by=None).count()) == (2, 1)


def test_leaving_without_a_change_and_undoing_one_change_nothing(cast: Cast, visitors: Visitors):
    judge(cast.project, cast.bob, ratings=(6, 4, 2), ranks=(1, 1, 2))
    page = visitors.page("bob", JUDGE)

    press(page, "u")
    revising(page)
    expect(page.locator(".action-status")).to_have_text("Nothing is changed so far.")
    press(page, "Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Your judgement stands as it was.")
    press(page, "u")
    revising(page)
    card(page, "B").get_by_role("button", name="Put B into place 3").click()
    page.get_by_role("button", name="Undo my changes").click()
    expect(page.locator("[data-slot='1'] [data-letter=B]")).to_be_visible()
    expect(page.locator(".action-status")).to_have_text("Nothing is changed so far.")
    page.get_by_role("link", name="Leave it and go on").click()

    expect(page.locator(".revising")).to_have_count(0)
    assert not Assignment.objects.exclude(draft={}).exists()
    assert Label.objects.count() == 1


def test_the_last_items_are_listed_and_opened_by_a_digit_and_from_my_work(cast: Cast, visitors: Visitors):
    for _ in range(2):
        judge(cast.project, cast.bob)
    page = visitors.page("bob", JUDGE)
    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()

    press(page, "U")
    dialog = page.get_by_role("dialog", name="What I judged last")
    expect(dialog.get_by_role("link", name=re.compile("number 1"))).to_be_focused()
    found = violations(page)
    press(page, "2")
    revising(page)
    expect(page.locator(".prompt")).to_contain_text("number 0")
    page.get_by_role("link", name=re.compile("2 by me")).click()
    dialog.get_by_role("link", name=re.compile("number 1")).click()
    expect(page.locator(".prompt")).to_contain_text("number 1")
    page.goto("/p/colours/queue/?state=submitted")
    page.get_by_role("link", name=re.compile("number 0")).click()
    revising(page)
    page.go_back()

    expect(page.get_by_role("heading", name="My work")).to_be_visible()
    assert found == []


def test_the_end_of_the_queue_and_the_browsers_own_back_lead_back_too(cast: Cast, visitors: Visitors):
    judge(cast.project, cast.bob)
    page = visitors.page("bob", JUDGE)
    press(page, "5 5 5 1 1 1 Enter")
    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()

    press(page, "u")
    expect(page.locator(".prompt")).to_contain_text("number 1")
    expect(page.locator(".action-status")).to_have_text("Nothing is changed so far.")  # the scripts are there
    press(page, "u u u u")  # through the steps of this one to the one before
    expect(page.locator(".prompt")).to_contain_text("number 0")
    page.go_back()
    expect(page.locator(".prompt")).to_contain_text("number 1")
    expect(page.locator(".action-status")).to_have_text("Nothing is changed so far.")  # the scripts are there again
    press(page, "u u u u")
    expect(page.locator(".prompt")).to_contain_text("number 0")
    expect(page.locator(".action-status")).to_have_text("Nothing is changed so far.")
    press(page, "u u u u")

    expect(page.locator("#toasts")).to_contain_text("There is nothing that you judged before this.")
    revising(page)


def test_the_second_tab_on_a_revision_is_told_and_keeps_its_text(cast: Cast, visitors: Visitors):
    path = f"{JUDGE}{judge(cast.project, cast.bob).assignment_id}/"
    context = visitors.context("bob")
    first, second = visitors.open(context, path), visitors.open(context, path)
    press(first, "Backspace 3 n")
    first.keyboard.type("first")
    press(first, "Control+Enter")
    expect(first.locator("#toasts")).to_contain_text("Your judgement was revised.")

    second.bring_to_front()
    press(second, "n")
    second.keyboard.type("second")
    press(second, "Control+Enter")

    expect(second.locator("#notices")).to_contain_text("in another tab or window")
    expect(second.get_by_label("Notes on this item")).to_have_value("second")
    assert list(Label.objects.order_by("id").values_list("notes", flat=True)) == ["", "first"]


def test_a_revision_without_a_connection_and_after_the_session_ended_is_sent_once(cast: Cast, visitors: Visitors):
    old = judge(cast.project, cast.bob, ratings=(6, 4, 2), ranks=(1, 2, 3))
    context = visitors.context("bob")
    page = visitors.open(context, f"{JUDGE}{old.assignment_id}/")
    card(page, "A").get_by_role("button", name="Put A into place 2").click()
    context.set_offline(True)
    press(page, "Control+Enter")
    expect(page.locator("#outbox")).to_contain_text("offline – 1 submit queued")
    page.close()
    Session.objects.all().delete()
    context.set_offline(False)

    page = visitors.open(context, JUDGE)
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Enter")

    expect(page.locator("#toasts")).to_contain_text("Your queued work was sent.")
    assert decided(Label.objects.get(superseded_by=None)) == ([6, 4, 2], [1, 1, 2])
    assert Label.objects.count() == 2


def test_a_judge_who_is_removed_while_revising_is_told_and_keeps_the_text(cast: Cast, visitors: Visitors):
    old = judge(cast.project, cast.bob)
    page = visitors.page("bob", f"{JUDGE}{old.assignment_id}/")
    press(page, "n")
    page.keyboard.type("on second thoughts")
    cast.project.memberships.filter(user=cast.bob).update(is_active=False)

    press(page, "Control+Enter")

    expect(page.locator("#notices")).to_contain_text("not a member")
    expect(page.get_by_label("Notes on this item")).to_have_value("on second thoughts")
    assert Label.objects.count() == 1


def test_without_scripts_a_judgement_is_changed_by_a_plain_form(cast: Cast, visitors: Visitors):
    old = judge(cast.project, cast.bob, ratings=(6, 4, 2))
    page = visitors.page("bob", JUDGE, java_script_enabled=False)
    page.get_by_role("link", name=re.compile("Back")).click()
    revising(page)
    page.locator("details.notes summary").click()
    page.get_by_label("Notes on this item").fill("by hand")

    page.get_by_role("button", name=re.compile("Submit")).click()

    expect(page.locator("#notices")).to_contain_text("Your judgement was revised.")
    assert [label.notes for label in Label.objects.order_by("id")] == ["", "by hand"]
    assert Assignment.objects.exclude(pk=old.assignment_id).get() == claim(cast.project, cast.bob)


def test_a_revision_fits_a_phone_and_the_dark(cast: Cast, visitors: Visitors):
    old = judge(cast.project, cast.bob)
    size = {"width": 390, "height": 844}
    page = visitors.page("bob", f"{JUDGE}{old.assignment_id}/", viewport=size, color_scheme="dark", has_touch=True)
    card(page, "A").get_by_role("button", name="Put A into place 3").tap()
    found = violations(page)
    page.locator(".item-last").tap()
    expect(page.get_by_role("dialog", name="What I judged last")).to_be_visible()
    found += violations(page)

    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
