"""Completions that say the same: nobody learns anything from comparing them. Plain text, no model."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
SHINGLE = 4
"""Characters; shorter texts are one shingle."""
ALIKE = 0.9
"""Jaccard similarity of the sets of shingles from which two texts are near-duplicates (Broder, 1997)."""


def normalised(text: str) -> str:
    """Without differences that nobody would judge by: case, white space, and how Unicode writes a character."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def shingles(text: str) -> frozenset[str]:
    """All runs of four characters of a normalised text."""
    said = normalised(text)
    return frozenset(said[place : place + SHINGLE] for place in range(max(1, len(said) - SHINGLE + 1)))


def similarity(first: frozenset[str], second: frozenset[str]) -> float:
    """Of two sets of shingles: shared ones over all, 0 to 1; 1 for texts that are equal when normalised."""
    return len(first & second) / len(first | second)


def distinct(candidates: Sequence[T], *, text: Callable[[T], str]) -> list[T]:
    """The candidates in their order, without those that nearly say what an earlier one says."""
    kept: list[T] = []
    seen: list[frozenset[str]] = []
    for candidate in candidates:
        said = shingles(text(candidate))
        if all(similarity(said, other) < ALIKE for other in seen):
            kept.append(candidate)
            seen.append(said)
    return kept
