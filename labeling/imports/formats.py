"""What a row of a file means: one parser for each format."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from labeling.imports import demonstrations, hh, openrlhf, prompts, ranked, trl
from labeling.imports.records import Record


class Format(StrEnum):
    """What a row means."""

    PROMPTS = "prompts"
    DEMONSTRATIONS = "demonstrations"
    HH = "hh"
    TRL = "trl"
    OPENRLHF = "openrlhf"
    RANKED = "ranked"


PARSERS: dict[Format, tuple[Callable[[dict[str, Any]], Record], frozenset[str]]] = {
    Format.PROMPTS: (prompts.parse, prompts.COLUMNS),
    Format.DEMONSTRATIONS: (demonstrations.parse, demonstrations.COLUMNS),
    Format.HH: (hh.parse, hh.COLUMNS),
    Format.TRL: (trl.parse, trl.COLUMNS),
    Format.OPENRLHF: (openrlhf.parse, openrlhf.COLUMNS),
    Format.RANKED: (ranked.parse, ranked.COLUMNS),
}
"""The parser of each format, and the columns that it has a use for."""
