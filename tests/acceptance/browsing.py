"""A person with a keyboard and nothing else."""

from __future__ import annotations

import re

from acceptance.system import PASSWORD
from playwright.sync_api import Page, expect


def sign_in(page: Page, url: str, username: str) -> None:
    page.goto(url)
    page.keyboard.type(username)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("My projects"))


def start_judging(page: Page, project: str) -> None:
    page.get_by_role("link", name=project).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Start judging")).to_be_focused()
    page.keyboard.press("Enter")


def judge_by_keys(page: Page, *, ratings: str, ranks: str, done: int) -> None:
    """Rate all completions, rank all, submit; ``done`` is how many are then judged by this person."""
    expect(page.locator("[data-letter=A]")).to_be_focused(timeout=20_000)
    for key in (*ratings, *ranks, "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".item-mine")).to_have_text(f"{done} by me", timeout=20_000)
