"""Judging in a real browser: by keyboard, by mouse, without a connection, after a lease, in two tabs."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from e2e.conftest import Visitors
from factories import PASSWORD, Cast, claim, make_cast, make_item
from playwright.sync_api import Locator, Page, expect

from labeling.models import Assignment, Label, Outcome, Slot, State
from labeling.services.assignments import claim_next

pytestmark = pytest.mark.browser
JUDGE = "/p/colours/judge/"


def decided(label: Label) -> tuple[list[int | None], list[int]]:
    """Ratings and ranks in the order in which the annotator saw the completions."""
    assert label.assignment is not None
    ratings = dict(label.ratings.values_list("completion", "value"))
    ranks = dict(label.ranks.values_list("completion", "rank"))
    return [ratings.get(pk) for pk in label.assignment.order], [ranks[pk] for pk in label.assignment.order]


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def card(page: Page, letter: str) -> Locator:
    return page.locator(f"[data-letter={letter}]")


def drag(page: Page, letter: str, target: Locator) -> None:
    """Take the card by its handle and let it go over the middle of the target, which may move meanwhile."""
    handle = card(page, letter).locator("[data-handle]").bounding_box()
    assert handle is not None
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] + 12, handle["y"] + 24, steps=4)
    for _ in range(3):
        goal = target.bounding_box()
        assert goal is not None
        page.mouse.move(goal["x"] + goal["width"] / 2, goal["y"] + goal["height"] / 2, steps=6)
        page.wait_for_timeout(150)  # cards make room for a moment
    page.mouse.up()


def test_an_item_is_judged_by_keyboard_only_from_the_login_to_the_submit(cast: Cast, visitors: Visitors):
    page = visitors.page()
    page.keyboard.type("bob")
    press(page, "Tab")
    page.keyboard.type(PASSWORD)
    press(page, "Enter")
    expect(page).to_have_title(re.compile("My projects"))
    page.get_by_role("link", name="Colours").focus()
    press(page, "Enter")
    expect(page.get_by_role("link", name="Start judging")).to_be_visible()

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
    assert page.evaluate("Object.keys(localStorage)") == []


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
    expect(page.locator("#outbox")).to_be_visible()
    page.locator("[data-send-now]").click()

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


def test_idle_time_is_not_counted(cast: Cast, visitors: Visitors):
    page = visitors.context("bob").new_page()
    page.clock.install()
    page.goto(JUDGE)

    page.clock.run_for(600_000)

    expect(page.locator("[data-time-item]")).to_have_text(re.compile("^(0:59|1:0[01])$"))


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


def test_skipping_asks_only_when_there_is_work_and_takes_a_reason_by_one_key(cast: Cast, visitors: Visitors):
    page = visitors.page("bob", JUDGE)
    first = page.locator("#item").get_attribute("data-assignment")

    press(page, "s")
    expect(page.locator("#item")).not_to_have_attribute("data-assignment", first or "")
    expect(card(page, "A")).to_be_focused()
    press(page, "5 s")
    expect(page.get_by_role("dialog")).to_contain_text("You have begun with it")
    press(page, "Escape s 2")

    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    assert sorted(Assignment.objects.values_list("state", "skip_reason")) == [
        (State.SKIPPED, ""),
        (State.SKIPPED, "language"),
    ]


def test_markup_and_scripts_in_texts_are_shown_as_text(transactional_db: None, settings, visitors: Visitors):
    cast = make_cast(num_items=0)
    attack = '<img src=x onerror="document.title=1"><script>document.title = "taken"</script>'
    make_item(cast.project, prompt=attack, texts=[attack, "</article></form><h1>out</h1>", "a  b\n\tc"])
    page = visitors.page("bob", JUDGE)

    shown = [card(page, letter).locator(".completion-text").text_content() for letter in "ABC"]

    assert sorted(text or "" for text in shown) == sorted([attack, "</article></form><h1>out</h1>", "a  b\n\tc"])
    assert page.locator(".prompt .plain").text_content() == attack
    expect(page).to_have_title(re.compile("^Judge"))


def test_long_and_right_to_left_texts_stay_within_a_phone(transactional_db: None, settings, visitors: Visitors):
    cast = make_cast(num_items=0)
    make_item(cast.project, prompt="لماذا السماء زرقاء؟ " * 500, texts=["w" * 20_000, "كلمة " * 4_000, "short"])
    page = visitors.page("bob", JUDGE, viewport={"width": 390, "height": 844})

    widths = [page.evaluate("document.documentElement.scrollWidth")]
    press(page, "1 2 3")
    widths.append(page.evaluate("document.documentElement.scrollWidth"))

    assert widths == [390, 390]
    direction = "getComputedStyle(document.querySelector('.prompt .plain')).direction"
    assert page.evaluate(direction) == "rtl"


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
