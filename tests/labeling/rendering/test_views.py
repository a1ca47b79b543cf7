from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from attacks import ATTACKS
from hypothesis import given
from hypothesis import strategies as st

from labeling.rendering import views
from labeling.rendering.gate import ATTRIBUTES, CLASSES, TAGS
from labeling.rendering.links import is_safe
from labeling.rendering.markdown import markdown_html
from labeling.rendering.views import is_plain, show


class Seen(HTMLParser):
    """What a browser would find in the HTML, and the text of the raw view."""

    def __init__(self, markup):
        super().__init__()
        self.found, self.raw, self.open = [], [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in ("br", "hr"):
            self.open.append((tag, "data-text" in dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if any(is_raw for _, is_raw in self.open):
            self.raw.append(data)


def check(markup, text):
    """Each tag, attribute, class and address is one of ours, every tag is closed, the raw view is the whole text."""
    seen = Seen(markup)
    assert seen.open == []
    assert "".join(seen.raw).replace("\ufffd", "") == text.replace("\ufffd", "").replace("\x00", "")
    for tag, attributes in seen.found:
        allowed = ATTRIBUTES.get(tag, set()) | {"class"}
        if tag == "div" and "text" in attributes.get("class", "").split():
            allowed |= {"dir", "data-text"}
            attributes["class"] = ""
        if tag == "a":
            assert is_safe(attributes.get("href", "https://x"))
            assert (attributes.pop("target"), attributes.pop("rel")) == ("_blank", "noopener noreferrer nofollow")
        assert tag in TAGS
        assert set(attributes) <= allowed, (tag, attributes)
        assert set(attributes.get("class", "").split()) <= set(CLASSES.get(tag, ()))


WRAPS = ("{}", "*a* {}", "> {}", "- {}", "| a |\n|---|\n| {} |", "# {}", "[{}](https://x.org)", "`{}`")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_makes_nothing_but_what_text_makes(attack):
    for wrap in WRAPS:
        text = wrap.replace("{}", attack)
        check(show(text).html, text)


@given(st.text(st.sampled_from("ab \n*_`~$\\[]()<>!#|&;:-+=1.\"'/\u202e\u200b\r\ue000\ue001é{}"), max_size=80))
def test_any_text_makes_nothing_but_what_text_makes(text):
    check(show(text).html, text)


@given(st.text(st.sampled_from("ab \n\t*_`~$\\[]()<>!#|&;:-+=1.\"'é"), max_size=60))
def test_a_text_that_is_taken_for_plain_has_no_markup(text):
    if not is_plain(text):
        return

    rendered = markdown_html(text, top=4)

    assert set(re.findall(r"</?(\w+)", rendered)) <= {"p", "br"}
    words = html.unescape(re.sub("<[^>]*>", " ", rendered)).split()
    assert words == text.split()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "Tea is made from leaves.",
            "a\n\nb\n  c",
            "It costs $5.",
            "x < y > z",
            "R&D, 5 * 3 = 15",
            "snake_case",
            "a-b",
        ),
        *(
            "No. 1 (of 2)",
            "~5",
            "#1 of all",
            "[sic]",
            "1.5 and 2,5",
            "What?!",
            "日本語。",
            "مرحبا",
            "👍🏽",
            "C# and F#",
        ),
    ],
)
def test_plain_text_has_one_element_for_both_views(text):
    one = f'<div class="text plain" dir="auto" data-text>{html.escape(text, quote=False)}</div>'

    assert (show(text).html, show(text).rendered) == (one, one)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "*a*",
            "a\n- b",
            "- b",
            "1) b",
            "# a",
            "> a",
            "a\n===",
            "---",
            "    a",
            "a\n\n\tb",
            "`a`",
            "[a](b)",
            "<b>",
            "&lt;",
        ),
        *("| a |", "$x$", "a\u200bb", "a\rb", "\\*", "+ a", "2. a", "a\n\n    b", "=", "<!-- -->", "```\na", "~~~\na"),
    ],
)
def test_text_with_markup_or_invisible_characters_is_not_plain(text):
    assert not is_plain(text)
    assert show(text).html.count("<div class=") == 2 + show(text).html.count('class="scroll"')


def test_what_is_too_much_is_shown_raw_and_says_so():
    shown = show("> " * 40 + "a")

    assert shown.is_limited
    assert shown.html == shown.rendered == f'<div class="text plain" dir="auto" data-text>{"&gt; " * 40}a</div>'


def test_a_text_is_rendered_once(monkeypatch):
    rendered = []

    def count(text, *, top):
        rendered.append((text, top))
        return "x"

    monkeypatch.setattr(views, "markdown_html", count)

    first, second = show("*only once*"), show("*only once*")
    show("*only once*", top=3)

    assert first is second
    assert rendered == [("*only once*", 4), ("*only once*", 3)]
