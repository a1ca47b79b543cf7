from __future__ import annotations

from html.parser import HTMLParser

import pytest

from labeling.markdown import render_markdown


class Seen(HTMLParser):
    """What a browser would find in the HTML."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.links = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name == "href"]


def test_markdown_becomes_html():
    html = render_markdown("# Rules\n\nBe *kind*, ~~rude~~.\n\n1. one\n2. `two`\n\n[x](https://example.org)")

    assert "<h1>Rules</h1>" in html
    assert "<p>Be <em>kind</em>, <s>rude</s>.</p>" in html
    assert "<li><code>two</code></li>" in html
    assert '<a href="https://example.org" rel="noopener noreferrer nofollow">x</a>' in html


def test_a_table_comes_without_inline_styles():
    html = render_markdown("| a | b |\n|---|--:|\n| 1 | 2 |")

    assert "<td>2</td>" in html
    assert "style" not in html


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "![x](https://example.org/pixel.png)",
        "<svg onload=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<style>body{display:none}</style>",
        '<https://example.org/"onmouseover=alert(1)>',
        "`<iframe src=x>`",
    ],
)
def test_an_attack_comes_out_harmless(attack):
    seen = Seen()
    seen.feed(render_markdown(attack))

    assert seen.tags <= {"p", "a", "code"}
    assert seen.attributes <= {"href", "rel"}
    assert all(link.startswith("https://example.org/") for link in seen.links)


def test_hostile_nesting_takes_no_time():
    assert "[" in render_markdown("[" * 20_000)
