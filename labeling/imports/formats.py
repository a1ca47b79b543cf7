"""What a row of a file means: one parser for each format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from labeling.imports import conversations, demonstrations, groups, hh, openrlhf, prompts, ranked, trl
from labeling.imports.records import Record


class Format(StrEnum):
    """What a row means."""

    PROMPTS = "prompts"
    DEMONSTRATIONS = "demonstrations"
    HH = "hh"
    TRL = "trl"
    OPENRLHF = "openrlhf"
    RANKED = "ranked"
    COMPARISONS = "comparisons"
    RATINGS = "ratings"
    UNPAIRED = "unpaired"
    CONVERSATIONS = "conversations"


PARSERS: dict[Format, tuple[Callable[[dict[str, Any]], Record], frozenset[str]]] = {
    Format.PROMPTS: (prompts.parse, prompts.COLUMNS),
    Format.DEMONSTRATIONS: (demonstrations.parse, demonstrations.COLUMNS),
    Format.HH: (hh.parse, hh.COLUMNS),
    Format.TRL: (trl.parse, trl.COLUMNS),
    Format.OPENRLHF: (openrlhf.parse, openrlhf.COLUMNS),
    Format.RANKED: (ranked.parse, ranked.COLUMNS),
    Format.COMPARISONS: (lambda row: groups.parse_comparisons([row]), groups.COMPARISONS),
    Format.RATINGS: (lambda row: groups.parse_ratings([row]), groups.RATINGS),
    Format.UNPAIRED: (groups.parse_unpaired, frozenset({"prompt", "completion", "label", "model"})),
    Format.CONVERSATIONS: (conversations.parse, conversations.COLUMNS),
}
"""The parser of each format, and the columns that it has a use for."""

GROUPED: dict[Format, Callable[[Sequence[dict[str, Any]]], Record]] = {
    Format.COMPARISONS: groups.parse_comparisons,
    Format.RATINGS: groups.parse_ratings,
}
"""Formats whose judgements may stand in several rows, one after the other with one id, and the parser of these."""
