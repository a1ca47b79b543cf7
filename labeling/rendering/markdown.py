"""Markdown to HTML: CommonMark with tables, strikethrough and task lists, code in colours and formulas."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

from pyromark import Markdown, Options

from labeling.rendering.characters import escape_safely
from labeling.rendering.code import highlight
from labeling.rendering.formulas import Formulas
from labeling.rendering.links import address_of, is_safe

MAX_CHARACTERS = 50_000  # of a text that is rendered; longer ones are shown raw
MAX_EVENTS = 50_000  # starts, ends and texts: a table of empty cells makes many of few characters
MAX_DEPTH = 32  # lists in quotes in lists
MAX_ADDRESSES = 1_000  # beyond, the search for the end of each link's title takes long

_MARKDOWN = Markdown(options=Options.ENABLE_TABLES | Options.ENABLE_STRIKETHROUGH | Options.ENABLE_TASKLISTS)
_NESTED = re.compile(rf"\n[ \t]*+(?:(?:>|(?:[-+*]|\d{{1,9}}[.)])(?=[ \t]))[ \t]*+){{{MAX_DEPTH}}}")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_INLINE = {"Emphasis": "em", "Strong": "strong", "Strikethrough": "s"}


class TooMuch(Exception):
    """The text is too long, or nests too deeply, to be rendered."""


def markdown_html(text: str, *, top: int) -> str:
    """The text as HTML, still to go through the gate.

    Raises:
        TooMuch: rendering it could take long.
    """
    formulas = Formulas(_checked(text))
    writer = Writer(formulas, top=top)
    for number, event in enumerate(_MARKDOWN.events(formulas.text)):
        if number > MAX_EVENTS or len(writer.open) > MAX_DEPTH * 2:
            raise TooMuch
        writer.write(event)
    return "".join(writer.pieces)


def words_of(text: str) -> str:
    """What the text says, its markup taken away.

    Raises:
        TooMuch: reading it could take long.
    """
    formulas = Formulas(_checked(text))
    return "".join(_words(formulas))


def _words(formulas: Formulas) -> Iterator[str]:
    for event in _MARKDOWN.events(formulas.text):
        if isinstance(event, str):
            yield " "
            continue
        ((kind, value),) = event.items()
        if kind in ("Text", "Code", "Html", "InlineHtml"):
            yield formulas.restore(str(value))
        elif kind == "End" and value not in (*_INLINE, "Link", "Image"):
            yield " "


def _checked(text: str) -> str:
    if len(text) > MAX_CHARACTERS or text.count("](") > MAX_ADDRESSES or _NESTED.search(f"\n{text}"):
        raise TooMuch
    return text.replace("\r\n", "\n").replace("\r", "\n")


class Writer:
    """Writes the HTML of one text, event by event. Nothing of the text becomes a tag, an attribute's name or an id."""

    def __init__(self, formulas: Formulas, *, top: int) -> None:
        self.formulas = formulas
        self.top = top
        self.pieces: list[str] = []
        self.open: list[str] = []  # the end tags to come, the last first
        self.headings: list[int] = []
        self.links: list[tuple[str, int]] = []
        self.alignments: list[str] = []
        self.cell = 0
        self.is_head = False
        self.code: tuple[str, list[str]] | None = None
        self.label: list[str] | None = None

    def write(self, event: Any) -> None:
        """Take in the next event of the parser."""
        if isinstance(event, str):
            self.pieces.append("<hr>" if event == "Rule" else "<br>")
            return
        ((kind, value),) = event.items()
        if kind == "Start":
            name, details = (value, None) if isinstance(value, str) else next(iter(value.items()))
            _STARTS[name](self, name, details)
        elif kind == "End":
            self.end(value if isinstance(value, str) else next(iter(value)))
        else:
            self.content(kind, value)

    def content(self, kind: str, value: Any) -> None:
        """A text of some kind."""
        if self.code is not None:
            self.code[1].append(value)
        elif kind == "Text":
            self.pieces.append(self.text(value))
        elif kind == "Code":
            self.pieces.append(f"<code>{escape_safely(self.formulas.restore(value))}</code>")
        elif kind == "TaskListMarker":
            self.pieces.append("☑ " if value else "☐ ")
        elif _LINE_BREAK.fullmatch(value):
            self.pieces.append("<br>")
        else:  # HTML is shown, not done
            self.pieces.append(escape_safely(self.formulas.restore(value)))

    def text(self, value: str) -> str:
        """A text with its formulas."""
        return "".join(
            escape_safely(part) if isinstance(part, str) else self.formulas.mathml(part)
            for part in self.formulas.parts(value)
        )

    # --- Starts ------------------------------------------------------------------------------------------------------

    def begin(self, start: str, end: str) -> None:
        """Write a start tag and remember its end tag."""
        self.pieces.append(start)
        self.open.append(end)

    @property
    def direction(self) -> str:
        """Blocks at the top find their direction by themselves; what is in a list or a quote follows it."""
        return "" if self.open else ' dir="auto"'

    def start_paragraph(self, _name: str, _details: Any) -> None:
        self.begin(f"<p{self.direction}>", "</p>")

    def start_markup(self, _name: str, _details: Any) -> None:
        self.begin('<p class="markup">', "</p>")

    def start_inline(self, name: str, _details: Any) -> None:
        self.begin(f"<{_INLINE[name]}>", f"</{_INLINE[name]}>")

    def start_heading(self, _name: str, details: Any) -> None:
        """A heading one level below the last one that is higher, so that no level is left out."""
        level = int(details["level"][1])
        self.headings = [*(known for known in self.headings if known < level), level]
        tag = f"h{min(6, self.top + len(self.headings) - 1)}"
        self.begin(f"<{tag}{self.direction}>", f"</{tag}>")

    def start_quote(self, _name: str, _details: Any) -> None:
        self.begin('<blockquote dir="auto">', "</blockquote>")

    def start_list(self, _name: str, first: int | None) -> None:
        if first is None:
            self.begin('<ul dir="auto">', "</ul>")
        else:
            self.begin(f'<ol dir="auto" start="{first}">', "</ol>")

    def start_item(self, _name: str, _details: Any) -> None:
        self.begin("<li>", "</li>")

    def start_code(self, _name: str, details: Any) -> None:
        """Colours need the whole code: it is written at its end."""
        info = "" if details == "Indented" else str(details["Fenced"])
        self.code = (info.split()[0] if info.split() else "", [])
        self.open.append("")

    def start_table(self, _name: str, alignments: Any) -> None:
        self.alignments = list(alignments)
        self.begin("", "</tbody></table></div>")

    def start_head(self, _name: str, _details: Any) -> None:
        self.is_head, self.cell, self.place = True, 0, len(self.pieces)
        self.begin("", "</tr></thead><tbody>")

    def start_row(self, _name: str, _details: Any) -> None:
        self.cell = 0
        self.begin("<tr>", "</tr>")

    def start_cell(self, _name: str, _details: Any) -> None:
        tag = "th" if self.is_head else "td"
        alignment = self.alignments[self.cell] if self.cell < len(self.alignments) else "None"
        self.cell += 1
        style = f' class="is-{alignment.lower()}"' if alignment in ("Center", "Right") else ""
        self.begin(f"<{tag}{style}>", f"</{tag}>")

    def start_link(self, _name: str, details: Any) -> None:
        """A link that opens beside the page; one that leads to this server or runs something is none."""
        address = address_of(details["dest_url"], is_email=details["link_type"] == "Email")
        if is_safe(address):
            self.begin(f'<a href="{html.escape(address)}">', "</a>")
        else:
            self.begin('<span class="unlinked">', "</span>")
        self.links.append((address, len(self.pieces)))

    def start_image(self, _name: str, details: Any) -> None:
        """Nothing is loaded: the text in its place, and the address."""
        self.begin('<span class="image">', "</span>")
        self.links.append((address_of(details["dest_url"]), len(self.pieces)))

    # --- Ends --------------------------------------------------------------------------------------------------------

    def end(self, name: str) -> None:
        """The end of what was begun last."""
        if name == "CodeBlock" and self.code is not None:
            language, parts = self.code
            self.code = None
            code = self.formulas.restore("".join(parts)).removesuffix("\n")
            self.pieces.append(f'<pre class="code" dir="ltr"><code>{highlight(code, language=language)}</code></pre>')
        elif name == "TableHead":
            self.end_head()
        end = self.open.pop()
        if name in ("Link", "Image"):
            address, place = self.links.pop()
            shown = "".join(self.pieces[place:])
            is_same = shown in (html.escape(address, quote=False), html.escape(address.removeprefix("mailto:")))
            written = "" if is_same else f' <span class="address">{escape_safely(_shortened(address))}</span>'
            self.pieces.append(written + end if name == "Image" else end + written)
        else:
            self.pieces.append(end)

    def end_head(self) -> None:
        """Only now the table's name is known: it is that of its columns. It scrolls sideways where it is too wide."""
        self.is_head = False
        names = [re.sub("<[^>]*>", "", cell) for cell in "".join(self.pieces[self.place :]).split("</th>")]
        name = ", ".join(" ".join(name.split()) for name in names if name.strip())[:200]
        self.pieces[self.place] = (
            f'<div class="scroll" role="group" aria-label="{name or "…"}" dir="auto"><table><thead><tr>'
        )


def _shortened(address: str) -> str:
    return address if len(address) <= 300 else f"{address[:300]}…"


_STARTS: dict[str, Callable[[Writer, str, Any], None]] = {
    **dict.fromkeys(_INLINE, Writer.start_inline),
    "Paragraph": Writer.start_paragraph,
    "Heading": Writer.start_heading,
    "BlockQuote": Writer.start_quote,
    "CodeBlock": Writer.start_code,
    "HtmlBlock": Writer.start_markup,
    "List": Writer.start_list,
    "Item": Writer.start_item,
    "Table": Writer.start_table,
    "TableHead": Writer.start_head,
    "TableRow": Writer.start_row,
    "TableCell": Writer.start_cell,
    "Link": Writer.start_link,
    "Image": Writer.start_image,
}
