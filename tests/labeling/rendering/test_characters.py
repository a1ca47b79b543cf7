from __future__ import annotations

import html
import re

import pytest

from labeling.rendering.characters import escape_exactly, escape_safely, has_invisible, without_invisible

FAMILY, HEART = "👨\u200d👩\u200d👧", "❤\ufe0f"
SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


def content(markup):
    """The text content, as a browser would have it."""
    return html.unescape(re.sub("<[^>]*>", "", markup))


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u200b", "ZWSP"),
        ("\u200c", "ZWNJ"),
        ("\u200d", "ZWJ"),
        ("\u202e", "RLO"),
        ("\u2066", "LRI"),
        ("\u2069", "PDI"),
        ("\u200f", "RLM"),
        ("\u061c", "ALM"),
        ("\ufeff", "BOM"),
        ("\u00ad", "SHY"),
        ("\x1b", "ESC"),
        ("\r", "CR"),
        ("\x85", "U+0085"),
        ("\u3164", "U+3164"),
        ("\ufe01", "U+FE01"),
        ("\U000e0041", "U+E0041"),
        ("\U000e0100", "U+E0100"),
    ],
)
def test_an_invisible_character_is_a_mark_with_its_name_and_stays_in_the_text(character, name):
    raw = escape_exactly(f"a{character}b")

    assert f'a<span class="mark" data-mark="{name}">' in raw
    assert content(raw) == f"a{character}b"
    assert has_invisible(f"a{character}b")
    assert without_invisible(f"a{character}b") == "ab"


@pytest.mark.parametrize(("character", "name"), [("\x00", "NUL"), ("\ud800", "U+D800")])
def test_a_character_that_no_page_can_hold_is_a_mark_alone(character, name):
    assert escape_exactly(f"a{character}b") == f'a<span class="mark" data-mark="{name}"></span>b'


def test_a_run_of_the_same_character_is_one_mark():
    assert escape_exactly("\u200b" * 3) == '<span class="mark" data-mark="ZWSP×3">\u200b\u200b\u200b</span>'


@pytest.mark.parametrize(
    "text", [FAMILY, HEART, SCOTLAND, "1\ufe0f\u20e3", "a\n\tb", "naïve 漢字 שלום", "Z\u0351\u0316algo"]
)
def test_what_is_seen_has_no_marks(text):
    assert escape_exactly(text) == escape_safely(text) == text
    assert not has_invisible(text)


def test_a_flag_hides_no_message():
    assert "U+E0068" in escape_exactly(SCOTLAND + "\U000e0068")
    assert "U+E0062" in escape_safely("🏴" + SCOTLAND[2:])


def test_a_joiner_beside_no_emoji_is_a_mark():
    assert "ZWJ" in escape_exactly(f"a\u200d{HEART}")


def test_the_rendered_view_keeps_what_reading_needs_and_marks_what_reorders():
    persian = "می\u200cخواهم"

    assert escape_safely(persian) == persian
    assert escape_safely("a\u202eb") == 'a<span class="mark" data-mark="RLO"></span>b'
    assert escape_safely("\U000e0041\U000e0041") == '<span class="mark" data-mark="U+E0041×2"></span>'


@pytest.mark.parametrize("escape", [escape_exactly, escape_safely])
def test_html_is_escaped(escape):
    assert escape("<b>&\"'") == "&lt;b&gt;&amp;\"'"
