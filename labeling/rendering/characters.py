"""Characters that take no room: shown as marks, so that nothing in a text escapes the person who judges it."""

from __future__ import annotations

import html
import re

# Emoji are glued by joiners (a family) and coloured by a selector (a heart); there, both are seen as what they make.
_EMOJI = "\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff"
_FLAG = "\U0001f3f4\U000e0067\U000e0062[\U000e0061-\U000e007a]{3}\U000e007f"  # of England, Scotland and Wales
_GLUE = f"{_FLAG}|(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])|(?<=[{_EMOJI}#*0-9])\ufe0f"

CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
REORDERING = "\u202a-\u202e\u2066-\u2069"
TAGS = "\U000e0000-\U000e007f"
UNPRINTABLE = "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
ZERO_WIDTH = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028\u2029\u2060-\u2065\u206a-\u206f"
)
FILLERS = "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0100-\U000e01ef"

_CANDIDATE = re.compile(f"[{CONTROLS}{REORDERING}{TAGS}{UNPRINTABLE}{ZERO_WIDTH}{FILLERS}]")
INVISIBLE = re.compile(f"(?:{_GLUE})|({_CANDIDATE.pattern})\\1*+")  # a run of the same one at a time
# What a text may need to be read stays in the rendered view (joiners of Persian and Hindi, marks of direction, soft
# hyphens); what could reorder or smuggle is a mark there too.
DECEPTIVE = re.compile(f"{_FLAG}|([{CONTROLS}{REORDERING}{TAGS}{UNPRINTABLE}])\\1*+")
# Where a browser would keep none of it or another character: the mark alone stands for it.
_LOST = re.compile("[\x00\ud800-\udfff]")

_NAMES = {
    **{"\x00": "NUL", "\x08": "BS", "\x0b": "VT", "\x0c": "FF", "\r": "CR", "\x1b": "ESC", "\x7f": "DEL"},
    **{"\u00ad": "SHY", "\u061c": "ALM", "\u200b": "ZWSP", "\u200c": "ZWNJ", "\u200d": "ZWJ", "\u200e": "LRM"},
    **{"\u200f": "RLM", "\u2028": "LS", "\u2029": "PS", "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF"},
    **{"\u202d": "LRO", "\u202e": "RLO", "\u2060": "WJ", "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI"},
    **{"\u2069": "PDI", "\ufeff": "BOM"},
}


def has_invisible(text: str) -> bool:
    """Whether there is any."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return False  # ten times as fast as the search below
    return bool(_CANDIDATE.search(text)) and any(match[1] for match in INVISIBLE.finditer(text))


def name_of(character: str) -> str:
    """The short name by which it is known, else its number."""
    return _NAMES.get(character) or f"U+{ord(character):04X}"


def escape_exactly(text: str) -> str:
    """The text as HTML, every invisible character inside a mark with its name: the text content stays what it was."""
    escaped = html.escape(text, quote=False)
    return INVISIBLE.sub(_mark_exactly, escaped) if has_invisible(text) else escaped


def escape_safely(text: str) -> str:
    """The text as HTML, with marks in the place of what could reorder the page or hide a message."""
    escaped = html.escape(text, quote=False)
    return DECEPTIVE.sub(_mark, escaped) if DECEPTIVE.search(escaped) else escaped


def without_invisible(text: str) -> str:
    """The text without them, for a line in a list."""
    return INVISIBLE.sub(lambda match: "" if match[1] else match[0], text)


def _mark_exactly(match: re.Match[str]) -> str:
    if not match[1]:
        return match[0]
    # The parser of a browser makes a line feed of a carriage return that is not written by its number.
    kept = "" if _LOST.match(match[1]) else match[0].replace("\r", "&#13;")
    return f'<span class="mark" data-mark="{_label(match)}">{kept}</span>'


def _mark(match: re.Match[str]) -> str:
    if not match[1]:
        return match[0]
    return f'<span class="mark" data-mark="{_label(match)}"></span>'


def _label(match: re.Match[str]) -> str:
    count = len(match[0])
    return name_of(match[1]) + (f"×{count}" if count > 1 else "")
