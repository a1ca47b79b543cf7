"""A line of a text, for lists."""

from __future__ import annotations

from labeling.rendering.characters import without_invisible
from labeling.rendering.markdown import TooMuch, words_of
from labeling.rendering.views import is_plain


def extract(text: str, *, limit: int) -> str:
    """The beginning of a text as one line of words, at most ``limit`` characters, without markup and line ends."""
    start = text[: 4 * limit]
    if not is_plain(start):
        try:
            start = words_of(without_invisible(start)).strip() or start
        except TooMuch:
            start = without_invisible(start)
    line = " ".join(start.split())
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1].rstrip() + "…"
