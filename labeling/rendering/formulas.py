"""LaTeX formulas: found in a text before Markdown reads it, and written as MathML."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

from labeling.rendering.gate import ATTRIBUTES, MATHEMATICS

MAX_CHARACTERS = 1_000  # of one formula; the time it takes grows with the square, 20 ms at this length
MAX_DEPTH = 100  # of elements in each other
MAX_SECONDS = 0.1  # of the processor for all formulas of a text; what comes later is shown as its source
# Two private characters hold a formula's place while Markdown is read. A text with its own ones has no formulas.
OPEN, CLOSE = "\ue000", "\ue001"
_HELD = re.compile(f"{OPEN}([0-9]{{1,5}}){CLOSE}")

# Each part ends at the next opener, so that a text full of openers is read once. No formula holds a backtick: code
# stays code. A dollar opens before and closes after something that is no space, and never within a word or a price.
_FORMULA = re.compile(
    r"""
      (?<!\\)\\\(  (?P<round> (?:[^`\\\n]|\n(?![ \t]*\n)|\\[^()\n])++ )  \\\)
    | (?<!\\)\\\[  (?P<square>(?:[^`\\\n]|\n(?![ \t]*\n)|\\[^\[\]\n]|\\\n)++ )  \\\]
    | (?<!\\)\$\$  (?P<double>(?:[^`$\\\n]|\n(?![ \t]*\n)|\\.|\\\n)++ )  \$\$
    | (?<![\\$\w])\$(?![\s$])  (?P<single>(?:[^`$\\\n]|\\[^\n])++ )  (?<!\s)\$(?![\w$])
    """,
    re.VERBOSE,
)
_MATHEMATICAL = re.compile(r"[\\^_={}+<>|/]")
_PROSE = re.compile(r"[^\W\d_]{2,}\s|\s[^\W\d_]{2,}")
# Macros could define each other without an end.
_DEFINING = re.compile(r"\\(?:re)?newcommand|\\def|\\DeclareMathOperator|\\providecommand|\\let")


# The library puts names of functions beside each other: n log n would be read as a word.
_ROWS = {"math", "mrow", "mtd", "mstyle", "mpadded", "menclose", "mphantom"}
_THIN_SPACE = '<mspace width="0.1667em"></mspace>'


class Formulas:
    """The formulas of one text, each with its place held in what Markdown reads."""

    def __init__(self, text: str) -> None:
        self.sources: list[str] = []
        self._bodies: list[tuple[str, bool]] = []
        self._deadline = 0.0
        self.text = text
        if OPEN not in text and CLOSE not in text and ("$" in text or "\\" in text):
            self.text = _FORMULA.sub(self._hold, text)

    def _hold(self, match: re.Match[str]) -> str:
        kind = str(match.lastgroup)
        body = match[kind].strip()
        if not body or (kind == "single" and not _is_formula(body)):
            return match[0]
        self.sources.append(match[0])
        self._bodies.append((body, kind in ("square", "double")))
        return f"{OPEN}{len(self.sources) - 1}{CLOSE}"

    def restore(self, text: str) -> str:
        """The text with the source of each formula in its place: code keeps what was written."""
        return "".join(part if isinstance(part, str) else self.sources[part] for part in self.parts(text))

    def parts(self, text: str) -> Iterator[str | int]:
        """What Markdown gave back: texts, and the numbers of the formulas between them."""
        done = 0
        for match in _HELD.finditer(text) if self.sources and OPEN in text else ():
            number = int(match[1])
            if number < len(self.sources):  # an entity can make any character
                yield text[done : match.start()]
                yield number
                done = match.end()
        yield text[done:]

    def mathml(self, number: int) -> str:
        """The formula as HTML: MathML, or its source where it can't be had."""
        body, is_display = self._bodies[number]
        now = time.thread_time()
        self._deadline = self._deadline or now + MAX_SECONDS
        if len(body) <= MAX_CHARACTERS and now < self._deadline and not _DEFINING.search(body):
            try:
                written = _written(convert_to_element(body, display="block" if is_display else "inline"))
                return f'<span class="scroll">{written}</span>' if is_display else written
            except Exception:  # the library has many errors for bad formulas, with no class in common
                pass
        return f'<code class="formula">{html.escape(self.sources[number], quote=False)}</code>'


def _is_formula(body: str) -> bool:
    # Between dollars there may be two prices: "$5 or 10$".
    return bool(_MATHEMATICAL.search(body)) or not _PROSE.search(body)


def _written(element: Element, *, depth: int = 0) -> str:
    # The library's own writer leaves the text as it is: tags inside \text{...} would be tags.
    name = element.tag
    if name not in MATHEMATICS or depth > MAX_DEPTH:
        raise ValueError(f"{name} is no element of MathML that is shown here, or it is {depth} levels deep")
    allowed = ATTRIBUTES.get(name, set())
    attributes = "".join(
        f' {key}="{html.escape(value)}"' for key, value in element.attrib.items() if key in allowed and value
    )
    inside = html.escape(html.unescape(element.text or ""), quote=False)
    for before, child in zip([None, *element], element, strict=False):
        if before is not None and name in _ROWS and _is_spaced(before, child):
            inside += _THIN_SPACE
        inside += _written(child, depth=depth + 1)
    return f"<{name}{attributes}>{inside}</{name}>" + html.escape(html.unescape(element.tail or ""), quote=False)


def _is_spaced(before: Element, after: Element) -> bool:
    return (_is_function(before) and after.tag != "mo") or (_is_function(after) and before.tag != "mo")


def _is_function(element: Element) -> bool:
    if element.tag in ("msub", "msup", "msubsup", "munder", "mover", "munderover") and len(element):
        return _is_function(element[0])
    text = element.text or ""
    return element.tag == "mi" and len(text) > 1 and text.isalpha()
