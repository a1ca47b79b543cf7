"""The two views of a text: rendered, and raw with every character in its place."""

from __future__ import annotations

import hashlib
import html
import re
from dataclasses import dataclass

from labeling.rendering.cache import BoundedCache
from labeling.rendering.characters import escape_exactly, has_invisible
from labeling.rendering.gate import clean
from labeling.rendering.markdown import TooMuch, markdown_html

CACHE_CHARACTERS = 16_000_000  # of HTML in each web process; 16 to 64 MB, some thousand marked-up texts
TOP_HEADING = 4  # below the page's own: h1 the page, h2 its parts, h3 each text

# What Markdown begins with at the start of a line: lists, headings, quotes, lines under headings, code after a gap.
_AT_START = re.compile(
    r"\n[ \t]*(?:(?:[-+*]|\d{1,9}[.)]|#{1,6})(?:[ \t\n]|\Z)|>|[-=]+[ \t]*(?:\n|\Z)|\n(?: {4}| {0,3}\t))"
)
_TAG_OR_ENTITY = re.compile(r"<[A-Za-z/!?]|&#?\w{1,32};")
_PAIRED = ("*", "_", "`", "~", "$")  # one alone stands for itself
_TELLING = ("\\", "](", "][", "]:", "|")

_cache: BoundedCache[tuple[bytes, int], Shown]


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as HTML.

    Attributes:
        html: both views, of which the style sheet shows one; a text without any markup has one for both.
        rendered: the rendered view alone; the raw one where that is not had.
        is_limited: the text is too long or too deeply nested to be rendered, so the raw view stands for both.
    """

    html: str
    rendered: str
    is_limited: bool = False


_cache = BoundedCache(limit=CACHE_CHARACTERS, size=lambda shown: len(shown.html) + len(shown.rendered))


def show(text: str, *, top: int = TOP_HEADING) -> Shown:
    """Both views of the text.

    Args:
        top: the level of its highest heading, 1 to 6; the others follow without a gap.
    """
    if is_plain(text):
        one = f'<div class="text plain" dir="auto" data-text>{html.escape(text, quote=False)}</div>'
        return Shown(html=one, rendered=one)
    key = (hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest(), top)
    shown = _cache.get(key)
    if shown is None:
        shown = _show_marked_up(text, top=top)
        _cache.put(key, shown)
    return shown


def is_plain(text: str) -> bool:
    """Whether the text says the same with its markup rendered: it has none, and nothing that is invisible."""
    return not (
        any(text.count(mark) > 1 for mark in _PAIRED)
        or any(mark in text for mark in _TELLING)
        or _AT_START.search(f"\n\n{text}")
        or _TAG_OR_ENTITY.search(text)
        or has_invisible(text)
    )


def _show_marked_up(text: str, *, top: int) -> Shown:
    raw = escape_exactly(text)
    try:
        rendered = f'<div class="text rendered" dir="auto">{clean(markdown_html(text, top=top))}</div>'
    except TooMuch:
        one = f'<div class="text plain" dir="auto" data-text>{raw}</div>'
        return Shown(html=one, rendered=one, is_limited=True)
    return Shown(html=f'{rendered}<div class="text plain is-raw" dir="auto" data-text>{raw}</div>', rendered=rendered)
