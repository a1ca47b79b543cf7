"""What an annotator sends, checked against what was asked."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from labeling.errors import Invalid
from labeling.services.texts import check_text

MAX_NOTES_CHARACTERS = 20_000
MAX_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Ratings (1 worst to 7 best), flags and ranks (1 best, equal ranks tie), by completion id."""

    ratings: Mapping[int, int]
    ranks: Mapping[int, int]
    flags: Mapping[int, list[str]] = field(default_factory=dict)
    notes: str = ""
    seconds: float = 0.0

    def fingerprint(self) -> str:
        """SHA-256 of what was decided; the time it took is left out, since a retry comes later."""
        decided: list[Any] = [
            sorted(self.ratings.items()),
            sorted(self.ranks.items()),
            sorted((completion, sorted(flags)) for completion, flags in self.flags.items() if flags),
            self.notes,
        ]
        return hashlib.sha256(json.dumps(decided).encode()).hexdigest()


def check_verdict(verdict: Verdict, *, completions: Collection[int], flags: Collection[str]) -> None:
    """Refuse a verdict that does not answer what was asked.

    Args:
        completions: the ids that were shown; each needs a rating and a rank.
        flags: the codes that the project asks about.

    Raises:
        Invalid: a foreign or missing completion, a rating outside 1-7, ranks with a hole, an unknown flag, notes over
            20,000 characters, a time that is no number of seconds within a day.
    """
    _check_keys("ratings", verdict.ratings, completions, complete=True)
    _check_keys("ranks", verdict.ranks, completions, complete=True)
    _check_keys("flags", verdict.flags, completions, complete=False)
    for completion, rating in verdict.ratings.items():
        if not _is_whole(rating) or not 1 <= rating <= 7:
            raise Invalid(f"the rating of completion {completion} is {rating!r}: use a whole number from 1 to 7")
    _check_ranks(verdict.ranks)
    for completion, codes in verdict.flags.items():
        unknown = sorted(set(map(str, codes)) - set(flags))
        if unknown:
            raise Invalid(f"completion {completion} has the unknown flag {unknown[0]!r}: use {', '.join(flags)}")
    if len(check_text(verdict.notes, name="the notes")) > MAX_NOTES_CHARACTERS:
        raise Invalid(f"the notes have {len(verdict.notes):,} characters: at most {MAX_NOTES_CHARACTERS:,} are kept")
    if not (math.isfinite(verdict.seconds) and 0 <= verdict.seconds <= MAX_SECONDS):
        raise Invalid(f"seconds is {verdict.seconds!r}: use the active time on the item, from 0 to {MAX_SECONDS:.0f}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_keys(name: str, values: Mapping[int, Any], completions: Collection[int], *, complete: bool) -> None:
    foreign = sorted(set(values) - set(completions))
    if foreign:
        raise Invalid(f"{name} names completion {foreign[0]}, which is not part of this assignment")
    missing = sorted(set(completions) - set(values))
    if complete and missing:
        raise Invalid(f"{name} lacks completion {missing[0]}: give one for each completion")


def _check_ranks(ranks: Mapping[int, int]) -> None:
    for completion, rank in ranks.items():
        if not _is_whole(rank) or rank < 1:
            raise Invalid(f"the rank of completion {completion} is {rank!r}: use whole numbers from 1, the best")
    used = sorted(set(ranks.values()))
    if used != list(range(1, len(used) + 1)):
        hole = next(number for number in range(1, len(used) + 1) if number not in used)
        raise Invalid(f"nothing has rank {hole}, but rank {used[-1]} is used: ranks have no holes, ties share a rank")
