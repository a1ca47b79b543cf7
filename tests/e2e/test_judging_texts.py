"""What people and models wrote, however strange, is shown as text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from e2e.conftest import Visitors
from e2e.judging import JUDGE, card, press, until, violations
from factories import make_cast, make_item
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_markup_and_scripts_in_texts_are_shown_as_text(transactional_db: None, settings, visitors: Visitors):
    cast = make_cast(num_items=0)
    attack = '<img src=x onerror="document.title=1"><script>document.title = "taken"</script>'
    make_item(cast.project, prompt=attack, texts=[attack, "</article></form><h1>out</h1>", "a  b\n\tc"])
    page = visitors.page("bob", JUDGE)

    shown = [card(page, letter).locator("[data-text]").text_content() for letter in "ABC"]

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


MARKED_UP = """# Two ways

- **one**, see [the guide](https://example.org/guide)
- two: `sorted()`

```python
def top(items): return sorted(items)[:3]  # the first three
```

| A rather long name of a column | Another rather long name | And one more of them |
|---|---|---|
| $O(n \\log n)$ | wwwwwwwwwwwwwwwwwwwwww | wwwwwwwwwwwwwwwwwwwwwwwww |

$$\\sum_{i=1}^{n} i = \\frac{n(n+1)}{2} \\qquad \\sum_{i=1}^{n} i^2 = \\frac{n(n+1)(2n+1)}{6}$$
"""
MIXED = """## ترتيب القوائم

English with שלום in it, and `sorted()`.

- **نقطة** [الدليل](https://example.org/guide)
"""
HIDDEN = "zero\u200bwidth and user\u202egpj.exe, *He* c" + "\u0316\u0351\u0302\u0489" * 40 + "omes " + "w" * 400
SEES = """(letter) => getComputedStyle(document.querySelector(`[data-letter=${letter}] .is-raw`)).display !== "none" """


def letter_of(page: Page, text: str) -> str:
    """Where a completion is shown."""
    return next(letter for letter in "ABC" if card(page, letter).locator("[data-text]").text_content() == text)


@pytest.mark.parametrize(
    ("theme", "width"),
    [("light", 390), ("dark", 1440)],
)
def test_texts_are_rendered_and_raw_by_a_key_which_is_remembered(opened: Callable[..., Page], theme: str, width: int):
    page = opened(
        "best",
        texts=(MARKED_UP, MIXED, HIDDEN),
        viewport={"width": width, "height": 844},
        color_scheme=theme,
    )
    marked_up, mixed, hidden = (letter_of(page, text) for text in (MARKED_UP, MIXED, HIDDEN))
    expect(card(page, marked_up).get_by_role("heading", name="Two ways", level=4)).to_be_visible()
    expect(card(page, marked_up).locator(".is-keyword").first).to_have_text("def")
    expect(card(page, hidden).locator(".rendered .mark")).to_have_count(1)  # what reorders; zero width may be needed
    directions = "(elements) => elements.map((element) => getComputedStyle(element).direction)"
    assert card(page, mixed).locator(".rendered > *").evaluate_all(directions) == ["rtl", "ltr", "rtl"]
    if width == 390:  # the table is wider than its place, so it is reached by Tab
        expect(card(page, marked_up).get_by_role("group", name="A rather long name of a column")).to_have_attribute(
            "tabindex", "0"
        )
    assert violations(page) == []

    press(page, "b")
    assert page.evaluate(SEES, marked_up)
    page.reload()
    assert page.evaluate(SEES, marked_up)
    expect(page.get_by_role("button", name="Raw text")).to_have_attribute("aria-pressed", "true")
    marks = card(page, hidden).locator(".is-raw .mark")
    assert marks.evaluate_all("(marks) => marks.map((mark) => mark.dataset.mark)") == ["ZWSP", "RLO"]
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width

    page.get_by_role("button", name="Raw text").click()
    assert not page.evaluate(SEES, marked_up)
    press(page, "n b")
    expect(page.locator("#judgement textarea")).to_have_value("b")
    assert not page.evaluate(SEES, marked_up)
    press(page, "Escape r")
    shown = page.locator("[data-side]").all_text_contents()
    assert set(shown) <= {MARKED_UP, MIXED, HIDDEN}
    assert page.locator("[data-side] .mark").count() == (2 if HIDDEN in shown else 0)


def test_a_long_prompt_scrolls_beside_the_completion_and_links_are_no_stop_while_ranking(opened: Callable[..., Page]):
    page = opened("ranking", texts=(MARKED_UP, MIXED, HIDDEN))
    page.evaluate("document.querySelector('.prompt .text').textContent = 'A long prompt. '.repeat(1400)")
    prompt = page.locator(".prompt")
    prompt.focus()
    press(page, "Home")
    until(page, "document.querySelector('.prompt').scrollTop === 0")
    press(page, "End")
    until(page, "document.querySelector('.prompt').scrollTop > 1000")
    expect(card(page, "A")).to_be_in_viewport(ratio=0.2)
    expect(page.get_by_role("button", name="Raw text")).to_be_in_viewport()

    press(page, "4 4 4")
    expect(card(page, "A")).to_be_focused()
    visited: list[str] = []
    while len(visited) < 8 and "C" not in visited:  # what is too wide for its card is a stop of its own
        visited.append(page.evaluate("document.activeElement.dataset.letter ?? document.activeElement.tagName"))
        press(page, "Tab")

    assert [each for each in visited if each not in ("DIV", "SPAN")] == ["A", "B", "C"]
