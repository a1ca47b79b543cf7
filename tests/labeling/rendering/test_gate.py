from __future__ import annotations

import re
from pathlib import Path

import pytest

from labeling.rendering.gate import CLASSES, clean

STYLES = Path(__file__).parents[3] / "static" / "css"
KINDS = sorted(name for name in CLASSES["span"] if name.startswith("is-"))


@pytest.mark.parametrize(
    ("html", "cleaned"),
    [
        ("<p onclick=x style=y id=z>a</p>", "<p>a</p>"),
        ("<script>a</script>b", "b"),
        ("<img src=x>a<input><button>b</button>", "ab"),
        ('<a href="javascript:x">a</a>', '<a target="_blank" rel="noopener noreferrer nofollow">a</a>'),
        ('<span class="is-keyword button">a</span>', '<span class="is-keyword">a</span>'),
        ('<math><mi href="x" style="y">a</mi></math>', "<math><mi>a</mi></math>"),
        ("<math><annotation-xml encoding=text/html><p>a</p></annotation-xml></math>", "<math></math>"),
    ],
)
def test_what_is_not_on_the_list_does_not_pass(html, cleaned):
    assert clean(html) == cleaned


def luminance(colour):
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def pair(pattern, sheet):
    """The light and the dark colour of a rule."""
    found = re.search(pattern + r"[^;{}]*light-dark\((#\w{6}), (#\w{6})\)", (STYLES / sheet).read_text())
    assert found, pattern
    return found.groups()


@pytest.mark.parametrize("kind", KINDS)
def test_colours_of_code_can_be_read_in_both_themes(kind):
    backgrounds = pair("--surface-sunken:", "base.css")

    for colour, background in zip(pair(rf"\.code \.{kind} {{ color:", "texts.css"), backgrounds, strict=True):
        dark, light = sorted([luminance(colour), luminance(background)])
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (kind, colour, background)
