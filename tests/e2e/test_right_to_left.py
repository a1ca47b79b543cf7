"""A language that runs from right to left, with texts of both directions: every page is mirrored and fits.

Django brings Arabic for its own texts; the page's direction follows from it. Prefloop's texts stay English there.
"""

from __future__ import annotations

from typing import Any

import pytest
from e2e.conftest import Visitors
from e2e.judging import JUDGE, press, violations
from factories import Cast, make_item
from playwright.sync_api import FloatRect, Page, expect

from labeling.models import Label
from labeling.services.guidelines import write_guidelines
from labeling.services.topics import set_topics

pytestmark = pytest.mark.browser
QUESTION = "ما هي عاصمة فرنسا؟"
ANSWERS = ("باريس.", "Paris, of course.", "لا أعرف.")
SIZES = [(390, 844), (1440, 900)]


@pytest.fixture
def arabic(idle_cast: Cast, settings: Any) -> Cast:
    settings.LANGUAGES = [*settings.LANGUAGES, ("ar", "Arabic")]
    for number in range(2):
        make_item(idle_cast.project, prompt=f"{QUESTION} {number}", texts=ANSWERS)
    write_guidelines(project=idle_cast.project, author=idle_cast.alice, text=f"# {QUESTION}\n\n- Be **kind**.")
    return idle_cast


def opened(visitors: Visitors, username: str, path: str, size: tuple[int, int]) -> Page:
    width, height = size
    page: Page = visitors.page(username, path, viewport={"width": width, "height": height}, locale="ar")
    return page


def box(page: Page, selector: str) -> FloatRect:
    """Where the first such element is."""
    found = page.locator(selector).first.bounding_box()
    assert found is not None
    return found


def outside(page: Page) -> list[str]:
    """What lies beyond the edges of the screen, though nothing around it scrolls."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("main *, header *")].filter((element) => {
            const { left, right, width } = element.getBoundingClientRect();
            const isShown = width > 1 && element.checkVisibility({ visibilityProperty: true });
            let around = element.parentElement;
            const scrolls = (box) => /auto|scroll|hidden/.test(getComputedStyle(box).overflowX);
            while (around && !scrolls(around)) around = around.parentElement;
            return isShown && !around && (left < -1 || right > innerWidth + 1);
        }).map((element) => element.outerHTML.slice(0, 80))"""
    )
    return found


@pytest.mark.parametrize("size", SIZES)
def test_judging_is_mirrored_and_works(arabic: Cast, visitors: Visitors, size: tuple[int, int]):
    page = opened(visitors, "bob", JUDGE, size)
    expect(page.locator("html[dir=rtl][lang=ar]")).to_have_count(1)
    expect(page.locator("#guidelines")).to_be_visible()
    beyond = outside(page)
    panel, name, go_on = (box(page, selector) for selector in ("#guidelines", ".brand", "[data-next]"))
    press(page, "g h 5 4 3")
    beyond += outside(page)
    press(page, "1 2 2")
    found = violations(page)
    handle, card = box(page, "[data-completion] [data-handle]"), box(page, "[data-completion]")
    press(page, "Control+Enter")
    expect(page.get_by_text(f"{QUESTION} 1")).to_be_visible()

    assert name["x"] > size[0] / 2  # the name stands at the beginning, which is on the right
    assert go_on["x"] < size[0] / 2
    assert size[0] < 1000 or panel["x"] == 0
    assert handle["x"] > card["x"] + card["width"] / 2
    assert (beyond, found) == ([], [])
    label = Label.objects.get()
    assert label.assignment is not None
    assert [label.ranks.get(completion=pk).rank for pk in label.assignment.order] == [1, 2, 2]


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("de", "ltr")])
def test_every_page_fits_in_a_language_of_long_words_and_in_one_from_right_to_left(
    arabic: Cast, visitors: Visitors, language: str, direction: str
):
    prompt = arabic.project.prompts.first()
    assert prompt is not None
    set_topics(prompt=prompt, topics=["violent"])
    pages = [
        ("bob", "/"),
        ("bob", "/settings/"),
        ("bob", "/p/colours/queue/"),
        ("dora", JUDGE),
        ("alice", "/p/colours/"),
        ("alice", "/p/colours/flags/"),
        ("alice", "/p/colours/guidelines/"),
        ("alice", "/p/colours/prompts/"),
        ("alice", f"/p/colours/prompts/{prompt.pk}/"),
        ("alice", "/p/colours/people/"),
        ("alice", "/p/colours/quality/"),
        ("rita", "/p/colours/runs/"),
        ("rita", "/p/colours/policies/"),
    ]
    people = {name: visitors.page(name, "/settings/", locale=language) for name in ("alice", "bob", "rita", "dora")}
    beyond = {}
    for name, path in pages:
        page = people[name]
        page.goto(path)
        assert page.locator("html").get_attribute("dir") == direction
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            is_wide = page.evaluate("document.documentElement.scrollWidth") > width
            beyond[path, width] = outside(page) + ["too wide"] * is_wide

    assert {key: found for key, found in beyond.items() if found} == {}


def test_the_picture_of_the_loop_keeps_its_words_in_their_boxes(arabic: Cast, visitors: Visitors):
    page = opened(visitors, "alice", "/p/colours/watch/", (1440, 900))

    left = page.evaluate(
        """() => [...document.querySelectorAll(".picture.is-broad .picture-part")].map((part) => {
            const edges = (each) => part.querySelector(each).getBoundingClientRect();
            const [frame, words] = [edges("rect"), edges(".picture-title")];
            return words.left >= frame.left && words.right <= frame.right;
        })"""
    )

    assert page.evaluate("document.documentElement.dir") == "rtl"
    assert left == [True] * 6
