"""What tests do on the page where people judge: press keys, drag cards, and read what was stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from labeling.models import Label

JUDGE = "/p/colours/judge/"
AXE = Axe()
COLOURS = ("Red.", "Blue.", "Green.")


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


def submit_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("Submit"))


def submitted(page: Page) -> Label:
    """The one label, after the page came to the end of the queue."""
    expect(page.get_by_role("heading", name="All done for now")).to_be_visible()
    return Label.objects.get()


def order(label: Label) -> list[int]:
    """The completions as the annotator saw them."""
    assert label.assignment is not None
    return label.assignment.order


RULES_OF_COLOUR = ("color-contrast", "link-in-text-block")
"""The rules of axe that ask for colours: nothing else can differ between two themes of the same document."""


def violations(page: Page, *, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds by all its rules, or by some, as short lines."""
    if not page.evaluate("'axe' in window"):  # half a megabyte: once a document
        page.evaluate(AXE.axe_script)
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found: list[dict[str, Any]] = page.evaluate(
        "options => axe.run(options).then(({violations}) => violations)", options
    )
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:300]}" for each in found for node in each["nodes"]
    ]


def until(page: Page, condition: str) -> None:
    """Wait for a condition of the page. Playwright's own way would evaluate a string in it, which the CSP forbids."""
    for _ in range(80):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"this did not become true: {condition}")
