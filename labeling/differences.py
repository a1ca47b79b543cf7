"""What changed between two texts: by lines, and by words within the lines that changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Change = Literal["same", "removed", "added"]
CONTEXT_LINES = 1
MOST_LINES = 4_000
MOST_WORDS = 4_000  # of a passage; beyond, it is told as a whole: comparing words costs their product
WORD = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text that is in both texts, or in one of them; ``gap`` says that unchanged lines before it are left
    out."""

    change: Change
    text: str
    gap: bool = False


def passages(old: str, new: str) -> list[Passage]:
    """The changes from one text to the other, each with a line of context on both sides.

    The removed and same pieces that touch a change give the old text there, the added and same ones the new text.
    Nothing is returned for equal texts.
    """
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if old == new:
        return []
    if max(len(before), len(after)) > MOST_LINES:
        return [*_piece("removed", old), *_piece("added", new)]
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [
        passage
        for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT_LINES))
        for passage in _group(group, before, after, gap=number > 0 or group[0][1] > 0)
    ]


def _group(
    opcodes: Sequence[tuple[str, int, int, int, int]], before: list[str], after: list[str], *, gap: bool
) -> Iterator[Passage]:
    for tag, start, end, new_start, new_end in opcodes:
        removed, added = "".join(before[start:end]), "".join(after[new_start:new_end])
        pieces = _piece("same", removed) if tag == "equal" else _words(removed, added)
        for piece in pieces:
            yield Passage(piece.change, piece.text, gap=gap)
            gap = False


def _words(removed: str, added: str) -> list[Passage]:
    before, after = WORD.findall(removed), WORD.findall(added)
    if len(before) > MOST_WORDS or len(after) > MOST_WORDS:
        return [*_piece("removed", removed), *_piece("added", added)]
    found: list[Passage] = []
    for tag, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found += _piece("same", "".join(before[start:end]))
        else:
            found += _piece("removed", "".join(before[start:end]))
            found += _piece("added", "".join(after[new_start:new_end]))
    return found


def _piece(change: Change, text: str) -> list[Passage]:
    return [Passage(change, text)] if text else []
