from __future__ import annotations

import pytest

from labeling.rendering.extracts import extract


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Why is\nthe sky  blue?", "Why is the sky blue?"),
        ("# A\n\n- **b** `c`\n\n[d](https://x.org)", "A b c d"),
        ("a\u202eb\u200bc", "abc"),
        ("---", "---"),  # nothing is left of it without its markup
        ("<b>x</b> & y", "<b>x</b> & y"),
    ],
)
def test_a_text_becomes_one_line_of_words(text, line):
    assert extract(text, limit=100) == line


def test_a_long_text_is_cut_with_a_sign():
    assert extract("ab " * 100, limit=10) == "ab ab ab…"
    assert extract("*a*" + " " * 500 + "b", limit=10) == "a…"


def test_what_cannot_be_rendered_is_cut_as_it_is():
    assert extract("> " * 200 + "a", limit=300) == ("> " * 150)[:-1][:299].rstrip() + "…"
