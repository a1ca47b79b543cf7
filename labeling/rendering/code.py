"""Colours for code: one pass with one pattern, whose time grows with the length of the code and with nothing else."""

from __future__ import annotations

import html
import re
from functools import cache

from labeling.rendering.languages import CHANGES, LANGUAGES, Language

MAX_CHARACTERS = 20_000  # of one block; a longer one stays without colours

# Grammars with many expressions for each language colour better, but some of theirs take seconds for a few thousand
# characters that were written to that end. Here all repetition is possessive: nothing is read twice.
_NUMBER = r"(?P<number>\b(?:0[xXbBoO][0-9a-fA-F_]++|[0-9][0-9_]*+(?:\.[0-9][0-9_]*+)?+(?:[eE][+-]?[0-9]++)?+)\w*+)"


def highlight(code: str, *, language: str) -> str:
    """The code as HTML, its tokens in spans with the class of their kind; escaped alone when the language is unknown.

    Args:
        language: what follows the fence, such as ``python`` or ``C++``.
    """
    name = language.strip().lower()
    if len(code) > MAX_CHARACTERS:
        return html.escape(code, quote=False)
    if name in CHANGES:
        return _changes(code)
    known = LANGUAGES.get(name)
    return _coloured(code, known) if known else html.escape(code, quote=False)


def _coloured(code: str, language: Language) -> str:
    pieces, done = [], 0
    for match in _pattern(language).finditer(code):
        kind = _kind(match, language)
        if not kind:
            continue
        pieces.append(html.escape(code[done : match.start()], quote=False))
        pieces.append(f'<span class="is-{kind}">{html.escape(match[0], quote=False)}</span>')
        done = match.end()
    pieces.append(html.escape(code[done:], quote=False))
    return "".join(pieces)


def _kind(match: re.Match[str], language: Language) -> str:
    kind = str(match.lastgroup)
    if kind != "word":
        return kind
    word = match[0].lower() if language.ignores_case else match[0]
    if word in language.keywords:
        return "keyword"
    if word in language.constants:
        return "constant"
    following = match.string[match.end() : match.end() + 1]
    if following == "(" or (language.has_keys and following == ":"):
        return "name"
    return "type" if word[:1].isupper() and not language.ignores_case else ""


@cache
def _pattern(language: Language) -> re.Pattern[str]:
    comments = [_between(*block) for block in language.blocks]
    comments += [rf"(?<!\S){re.escape(sign)}[^\n]*+" if sign == "#" else rf"{re.escape(sign)}[^\n]*+"
                 for sign in language.lines]  # fmt: skip
    strings = [_between(*text, escapes=True) for text in language.texts]
    strings += [rf"{quote}(?:[^{quote}\\\n]|\\.)*+{quote}?+" for quote in language.strings]
    parts = []
    if comments:
        parts.append(f"(?P<comment>{'|'.join(comments)})")
    if language.has_tags:
        parts.append(
            r"(?P<keyword></?+[A-Za-z][\w:.-]*+|/?+>)|(?P<name>(?<![\w:@.-])[\w:@.-]++(?==))|(?P<constant>&\#?+\w++;)"
        )
    if language.has_keys:
        parts.append(r'(?P<name>"(?:[^"\\\n]|\\.)*+"(?=:)|@[\w-]++|(?<![\w-])[A-Za-z_-][\w-]*+(?=:))')
    if strings:
        parts.append(f"(?P<string>{'|'.join(strings)})")
    if language.has_signs:
        parts.append(rf"(?P<type>{re.escape(language.has_signs)}[A-Za-z_]\w*+)")
    if not language.has_tags:
        parts += [_NUMBER, r"(?P<word>[^\W\d]\w*+)"]
    return re.compile("|".join(parts))


def _between(start: str, end: str, *, escapes: bool = False) -> str:
    # What is never closed goes on to the end of the code.
    first, rest = re.escape(end[0]), re.escape(end[1:])
    other = rf"[^{first}\\]|\\[\s\S]" if escapes else f"[^{first}]"
    again = f"|{first}(?!{rest})" if rest else ""
    return rf"{re.escape(start)}(?:{other}{again})*+(?:{re.escape(end)}|\Z)"


def _changes(code: str) -> str:
    kinds = {"+": "added", "-": "removed", "@": "comment"}
    lines = [
        f'<span class="is-{kinds[line[0]]}">{html.escape(line, quote=False)}</span>'
        if line[:1] in kinds
        else html.escape(line, quote=False)
        for line in code.split("\n")
    ]
    return "\n".join(lines)
