"""Nothing that was done on the page is lost or doubled: reloads, no connection, ended leases and sessions, two tabs."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone
from e2e.conftest import Visitors
from e2e.judging import JUDGE, card, decided, press
from factories import PASSWORD, Cast
from playwright.sync_api import expect

from labeling.models import Assignment, Label, Session, Slot, State
from labeling.services.assignments import claim_next

pytestmark = pytest.mark.browser


def test_a_double_click_on_submit_stores_one_label_and_leaves_the_next_item_alone(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    press(page, "5 5 5 1 2 3")

    page.get_by_role("button", name=re.compile("Submit")).dblclick()

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    expect(page.locator("#notices .notice")).to_have_count(0)
    assert Label.objects.count() == 1


def test_a_draft_survives_a_reload_and_another_browser(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    press(page, "h 6 2 n")
    page.keyboard.type("half way")
    expect(page.locator(".item-saved")).to_have_text("Draft saved")

    page.reload()
    elsewhere = visitors.page("bob", JUDGE)

    for opened in (page, elsewhere):
        expect(opened.locator("[data-go='0']")).to_have_text(re.compile(r"A\s*6"))
        expect(opened.locator("[data-go='1']")).to_have_text(re.compile(r"B\s*2"))
        expect(opened.get_by_label("Notes on this item")).to_have_value("half way")
        expect(card(opened, "C")).to_be_visible()
        assert card(opened, "A").locator(".flags input:checked").count() == 1


def test_work_of_the_last_second_survives_a_reload_while_the_server_is_out_of_reach(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('no connection')); }")
    press(page, "6 2")
    expect(page.locator(".item-saved")).to_have_text("Saved in this browser only")

    page.reload()

    expect(page.locator("#toasts")).to_contain_text("restored")
    expect(page.locator("[data-go='1']")).to_have_text(re.compile(r"B\s*2"))
    assert Assignment.objects.get().draft == {}


def test_a_submit_without_a_connection_is_queued_and_sent_once(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    press(page, "5 6 7 3 2 1")
    page.context.set_offline(True)

    press(page, "Enter")
    expect(page.locator("#outbox")).to_contain_text("offline – 1 submit queued")
    expect(page.get_by_role("button", name=re.compile("Submit"))).to_be_disabled()
    assert not Label.objects.exists()
    page.context.set_offline(False)

    expect(page.locator("#outbox")).to_be_hidden()
    expect(page.locator(".item-mine")).to_have_text("1 by me")
    assert decided(Label.objects.get()) == ([5, 6, 7], [3, 2, 1])
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('draft')).length") == 0


def test_a_skip_without_a_connection_says_so_and_keeps_the_item(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    page.context.set_offline(True)

    press(page, "s")
    expect(page.locator("#notices")).to_contain_text("cannot be reached")
    page.context.set_offline(False)
    press(page, "6")

    expect(page.locator("[data-go='0']")).to_have_text(re.compile(r"A\s*6"))
    assert Assignment.objects.get().state == State.ACTIVE


def test_a_judge_who_is_removed_in_the_middle_is_told_and_keeps_the_text(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    press(page, "5 6 7 3 2 1 n")
    page.keyboard.type("nearly done")
    cast.project.memberships.filter(user=cast.bob).update(is_active=False)

    press(page, "Control+Enter")

    expect(page.locator("#notices")).to_contain_text("not a member")
    expect(page.get_by_label("Notes on this item")).to_have_value("nearly done")
    expect(page.locator("[data-slot='1'] [data-letter=C]")).to_be_visible()
    assert not Label.objects.exists()


def test_a_reply_that_got_lost_does_not_double_the_label(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    press(page, "5 6 7 3 2 1")

    def lose(route):
        route.fetch()  # the server stores it, the browser never hears of it
        route.abort()

    page.route("**/submit/", lose, times=1)
    press(page, "Enter")
    # It waits, unless the page has sent it again by itself meanwhile.
    expect(page.locator("#outbox:not([hidden]), .item-mine:has-text('1 by me')").first).to_be_visible()
    page.locator("[data-send-now]").dispatch_event("click")

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    assert Label.objects.count() == 1


def test_what_waits_is_sent_after_the_page_was_closed_and_the_session_ended(cast: Cast, visitors: Visitors):
    context = visitors.context("bob")
    page = visitors.open(context, JUDGE)
    press(page, "5 6 7 3 2 1")
    context.set_offline(True)
    press(page, "Enter")
    expect(page.locator("#outbox")).to_be_visible()
    page.close()
    Session.objects.all().delete()
    context.set_offline(False)

    page = visitors.open(context, JUDGE)
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Enter")

    expect(page.locator(".item-mine")).to_have_text("1 by me")
    assert decided(Label.objects.get()) == ([5, 6, 7], [3, 2, 1])


def test_a_session_that_ended_keeps_the_work_and_leads_back_to_it(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    press(page, "5 6 7 3 2 1")
    Session.objects.all().delete()

    press(page, "Enter")
    expect(page.locator("#notices")).to_contain_text("You are signed out")
    page.locator("#notices").get_by_role("link", name="Sign in").click()
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Enter")

    expect(page.locator("[data-slot='1'] [data-letter=C]")).to_be_visible()
    press(page, "Control+Enter")
    expect(page.locator(".item-mine")).to_have_text("1 by me")
    assert decided(Label.objects.get()) == ([5, 6, 7], [3, 2, 1])


def test_a_draft_of_a_session_that_ended_leads_to_the_login_and_back(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    Session.objects.all().delete()

    press(page, "6")
    page.locator("#notices").get_by_role("link", name="Sign in").click()
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Enter")

    expect(page.locator("[data-go='0']")).to_have_text(re.compile(r"A\s*6"))
    expect(card(page, "B")).to_be_visible()


def test_a_lease_that_ended_is_said_and_the_work_is_kept_as_an_extra_judgement(cast: Cast, visitors: Visitors):
    context = visitors.context("bob")
    page = context.new_page()
    page.clock.install()
    page.goto(JUDGE)
    press(page, "5 6 7 3 2")
    mine = Assignment.objects.get(annotator=cast.bob)
    Slot.objects.filter(assignment=mine).update(leased_until=timezone.now() - dt.timedelta(minutes=1))
    assert claim_next(project=cast.project, annotator=cast.dora) is not None

    page.clock.run_for(119_000)
    press(page, "ArrowDown")
    page.clock.run_for(6_000)
    expect(page.locator("#notices")).to_contain_text("went to somebody else")
    press(page, "1 Enter")

    expect(page.locator("#item")).not_to_have_attribute("data-assignment", str(mine.pk))
    expect(page.locator(".item-mine")).to_have_text("0 by me")  # an extra judgement is outside the count
    label = Label.objects.get()
    assert label.is_extra
    assert decided(label) == ([5, 6, 7], [3, 2, 1])


def test_the_lease_is_renewed_while_the_page_is_in_use(cast: Cast, visitors: Visitors):
    page = visitors.context("bob").new_page()
    page.clock.install()
    page.goto(JUDGE)
    before = Assignment.objects.get().lease_expires

    page.clock.run_for(119_000)
    press(page, "5")
    with page.expect_response("**/heartbeat/"):
        page.clock.run_for(6_000)

    assert Assignment.objects.get().lease_expires > before


def test_the_second_tab_on_an_item_is_told_and_keeps_its_text(cast: Cast, visitors: Visitors):
    context = visitors.context("bob")
    first, second = visitors.open(context, JUDGE), visitors.open(context, JUDGE)
    press(first, "5 6 7 3 2 1 Enter")
    expect(first.locator(".item-mine")).to_have_text("1 by me")

    second.bring_to_front()
    press(second, "1 1 1 1 1 1")
    press(second, "Control+Enter")

    expect(second.locator("#notices")).to_contain_text("already judged")
    expect(second.locator(".action-status")).to_have_text("3 of 3 ranked")
    assert Label.objects.count() == 1
