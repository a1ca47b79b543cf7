"""What goes wrong in the middle of an item, over all kinds at once: five people, each on an item of a kind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from django.db import connection
from django.test import Client
from e2e.conftest import Visitors
from e2e.judging import COLOURS, JUDGE, press
from factories import Cast, make_item, make_user
from playwright.sync_api import Browser, Page, expect

from labeling.models import Kind, Label, Role, Session, User
from labeling.services.projects import set_member

pytestmark = pytest.mark.browser
KEYS = {
    Kind.RANKING: "5 5 5 1 2 3 n",
    Kind.RATING: "5 5 5 n",
    Kind.BEST: "2 n",
    Kind.PAIR: "2 n",
    Kind.DEMONSTRATION: "M i n e Escape n",
}


@pytest.fixture
def people(idle_cast: Cast) -> dict[str, Kind]:
    """Who will get an item of which kind: what comes first in the queue goes to who asks first."""
    names = ["ann", "ben", "cleo", "dan", "eve"]
    for name, kind in zip(names, KEYS, strict=True):
        set_member(project=idle_cast.project, user=make_user(name), role=Role.ANNOTATOR)
        make_item(idle_cast.project, prompt=f"A {kind}.", texts=COLOURS[: 2 if kind == Kind.PAIR else 3], kind=kind)
    return dict(zip(names, KEYS, strict=True))


def at_work(visitors: Visitors, people: dict[str, Kind]) -> dict[Kind, Page]:
    """Each at the end of their item, with the cursor in notes that were just written."""
    pages = {}
    for name, kind in people.items():
        page = visitors.page(name, JUDGE)
        expect(page.locator("#item")).to_have_attribute("data-kind", kind.value)
        press(page, KEYS[kind])
        page.keyboard.type(f"by {name}")
        pages[kind] = page
    return pages


def kept(pages: dict[Kind, Page]) -> set[str]:
    """The notes that stand on the pages."""
    return {page.get_by_label("Notes on this item").input_value() for page in pages.values()}


def stored() -> set[str]:
    """The notes that were submitted, each once."""
    notes = list(Label.objects.values_list("notes", flat=True))
    assert len(notes) == len(set(notes))
    return set(notes)


ALL = {"by ann", "by ben", "by cleo", "by dan", "by eve"}


def test_a_session_that_ends_before_the_submit_costs_nothing(people: dict[str, Kind], visitors: Visitors):
    pages = at_work(visitors, people)
    Session.objects.all().delete()

    for name, (kind, page) in zip(people, pages.items(), strict=True):
        press(page, "Control+Enter")
        expect(page.locator("#notices"), kind.value).to_contain_text("You are signed out")
        client = Client()
        client.force_login(User.objects.get(username=name))  # as in another tab
        value = client.cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": value, "url": visitors.url}])
    assert kept(pages) == ALL
    assert stored() == set()
    for page in pages.values():
        press(page, "Control+Enter")
        expect(page.get_by_role("heading", name="All done for now")).to_be_visible()

    assert stored() == ALL


def test_the_second_tab_on_an_item_is_told_and_keeps_its_work(people: dict[str, Kind], visitors: Visitors):
    pages = at_work(visitors, people)
    for page in pages.values():
        expect(page.locator(".item-saved")).to_have_text("Draft saved")
    others = {kind: visitors.open(page.context, JUDGE) for kind, page in pages.items()}
    for page in pages.values():
        press(page, "Control+Enter")
        expect(page.get_by_role("heading", name="All done for now")).to_be_visible()

    for kind, page in others.items():
        page.bring_to_front()
        press(page, "Escape n End")
        page.keyboard.type(" again")
        press(page, "Control+Enter")
        expect(page.locator("#notices"), kind.value).to_contain_text("already judged")

    assert kept(others) == {f"{notes} again" for notes in ALL}
    assert stored() == ALL


@pytest.fixture
def web() -> Callable[[], Any]:
    """A web process of its own on the test's database, started anew at each call; it dies as by kill -9."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    environment = {**os.environ, "DATABASE_URL": database.geturl(), "DEBUG": "1"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    @contextmanager
    def running() -> Iterator[str]:
        command = [sys.executable, "-m", "labeling.runtime.web", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            for _ in range(300):
                try:
                    urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()

    return running


def test_a_server_that_is_killed_between_typing_and_submit_costs_nothing(
    people: dict[str, Kind], chromium: Browser, web: Callable[[], Any]
):
    with web() as url:
        visitors = Visitors(chromium, url)
        pages = at_work(visitors, people)

    for kind, page in pages.items():
        press(page, "Control+Enter")
        expect(page.locator("#outbox"), kind.value).to_contain_text("1 submit queued")
    assert kept(pages) == ALL
    assert stored() == set()
    with web():
        for page in pages.values():
            # The page tries again by itself as well: perhaps the button is gone before a mouse is there.
            page.locator("[data-send-now]").evaluate("button => button.click()")
            expect(page.get_by_role("heading", name="All done for now")).to_be_visible()

        assert stored() == ALL
        for context in visitors.contexts:
            context.close()
    assert visitors.faults == []


def test_keys_of_a_composition_a_held_submit_and_focused_controls_do_nothing_of_their_own(
    people: dict[str, Kind], visitors: Visitors
):
    for name in ("ann", "ben"):  # ben gets the rating
        page = visitors.page(name, JUDGE)
    composed = """(key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown",
        {key, code: key, bubbles: true, cancelable: true, isComposing: true, ctrlKey: key === "Enter"}))"""

    for key in ("5", "h", "Enter", "u", "s"):
        page.evaluate(composed, key)
    expect(page.locator(".judgement input:checked")).to_have_count(0)
    press(page, "5 5 5")
    page.get_by_role("button", name="Rate completion A").focus()
    press(page, "Enter")  # the button's own, and no submit
    expect(page.locator("[data-letter=A]")).to_be_visible()
    page.locator("[data-letter=A] .scale input").nth(4).focus()
    press(page, "ArrowLeft")  # the radio's own, and no other completion
    expect(page.locator("[data-letter=A]")).to_be_visible()
    expect(page.locator("[data-letter=A] .scale input:checked")).to_have_value("4")
    assert stored() == set()

    page.keyboard.down("Control")
    page.keyboard.down("Enter")
    page.keyboard.down("Enter")  # held
    page.keyboard.up("Enter")
    page.keyboard.up("Control")

    expect(page.locator("#item")).to_have_attribute("data-kind", "best")
    assert Label.objects.count() == 1
