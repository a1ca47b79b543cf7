"""A real Chromium on the live pages. Every page that is opened may break neither the CSP nor its own scripts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

if TYPE_CHECKING:
    from factories import Cast


@dataclass
class Visitors:
    """Opens browsers for people, and remembers what went wrong in them."""

    browser: Browser
    url: str
    contexts: list[BrowserContext] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def context(self, username: str = "", **options: Any) -> BrowserContext:
        """A browser of somebody's own, signed in unless the name is empty."""
        context = self.browser.new_context(base_url=self.url, **{"viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(8000)
        self.contexts.append(context)
        if username:
            from django.contrib.auth import get_user_model
            from django.test import Client

            client = Client()
            client.force_login(get_user_model().objects.get(username=username))
            context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.url}])
        return context

    def page(self, username: str = "", path: str = "/", **options: Any) -> Page:
        """A page of somebody's own browser, opened at a path."""
        return self.open(self.context(username, **options), path)

    def open(self, context: BrowserContext, path: str) -> Page:
        """Another tab of a browser."""
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("console", lambda message: self.note(message.text))
        page.goto(path)
        return page

    def note(self, text: str) -> None:
        """Remember violations of the content security policy."""
        if "Content Security Policy" in text:
            self.faults.append(text)


@pytest.fixture
def visitors(chromium: Browser, live_server: Any) -> Iterator[Visitors]:
    """People's browsers; nothing may have gone wrong in any of them."""
    opened = Visitors(chromium, live_server.url)
    yield opened
    for context in opened.contexts:
        context.close()
    wait_for_the_server()
    assert opened.faults == []


def wait_for_the_server() -> None:
    """Let it answer what closed pages have sent last, before the tables are emptied under it."""
    from django.db import connection

    looks = 0
    while looks < 2:
        time.sleep(0.05)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'"
            )
            [busy] = cursor.fetchone()
        looks = 0 if busy else looks + 1


@pytest.fixture
def cast(transactional_db: None, settings: Any) -> Cast:
    """A project with two items of three completions each."""
    from factories import make_cast  # this file is read before Django is set up

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return make_cast(num_items=2)


@pytest.fixture
def idle_cast(transactional_db: None, settings: Any) -> Cast:
    """A project with nothing in its queue."""
    from factories import make_cast

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return make_cast(num_items=0)


@pytest.fixture
def opened(idle_cast: Cast, visitors: Visitors) -> Callable[..., Page]:
    """A function that opens the judging page of bob on the only item, which is of a kind."""
    from e2e.judging import COLOURS, JUDGE
    from factories import make_item

    def open_page(kind: str, *, texts: tuple[str, ...] = COLOURS, **options: Any) -> Page:
        shown = texts[:2] if kind == "pair" else texts
        make_item(idle_cast.project, prompt=f"A colour, {kind}.", texts=shown, kind=kind)
        return visitors.page("bob", JUDGE, **options)

    return open_page
