"""What an annotator sends, checked against what was asked."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.models import Kind
from labeling.services.texts import check_text

MAX_NOTES_CHARACTERS = 20_000
MAX_DEMONSTRATION_CHARACTERS = 100_000
MAX_SECONDS = 24 * 3600.0
STRENGTHS = {1: "slightly better", 2: "better", 3: "much better"}

ANSWERS: dict[str, tuple[str, ...]] = {
    Kind.RANKING: ("ratings", "ranks"),
    Kind.RATING: ("ratings",),
    Kind.BEST: ("best",),
    Kind.PAIR: ("ranks", "strength"),
    Kind.DEMONSTRATION: ("text", "suggestion"),
    Kind.CONVERSATION: ("ranks", "best", "text", "suggestion"),
}
"""What a judgement of each kind consists of, beside flags, notes and time."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about the completions of an item, by their ids.

    Attributes:
        ratings: 1 (worst) to 7 (best).
        ranks: 1 is best, equal ranks tie.
        flags: codes raised on each.
        best: the one picked.
        strength: how much better the winner of a pair is, 1 (slightly) to 3 (much); None for a tie.
        text: the completion that was written.
        suggestion: the completion that the text was begun from.
        seconds: active time.
    """

    ratings: Mapping[int, int] = field(default_factory=dict)
    ranks: Mapping[int, int] = field(default_factory=dict)
    flags: Mapping[int, list[str]] = field(default_factory=dict)
    best: int | None = None
    strength: int | None = None
    text: str = ""
    suggestion: int | None = None
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
        others = [self.best, self.strength, self.text, self.suggestion]
        if others != [None, None, "", None]:  # rankings keep the fingerprints that they had before there were others
            decided += others
        return hashlib.sha256(json.dumps(decided).encode()).hexdigest()


def check_verdict(
    verdict: Verdict, *, completions: Collection[int], flags: Collection[str], kind: str = Kind.RANKING
) -> None:
    """Refuse a verdict that does not answer what was asked.

    Args:
        completions: the ids that were shown.
        flags: the codes that the project asks about.
        kind: what was asked; ANSWERS says what belongs to it.

    Raises:
        Invalid: something of another kind, a foreign or missing completion, a rating outside 1-7, ranks with a hole, a
            tie with a strength or a win without, an empty demonstration, an unknown flag, notes over 20,000 characters,
            a time that is no number of seconds within a day.
    """
    if kind == Kind.CONVERSATION:
        raise Invalid(gettext("a conversation is judged turn by turn: name the turn"))
    _check_parts(verdict, kind=kind)
    if kind in (Kind.RANKING, Kind.RATING):
        _check_ratings(verdict.ratings, completions)
    if kind in (Kind.RANKING, Kind.PAIR):
        _check_keys("ranks", verdict.ranks, completions, complete=True)
        _check_ranks(verdict.ranks)
    if kind == Kind.PAIR:
        _check_strength(verdict)
    if kind == Kind.BEST and verdict.best not in completions:
        raise Invalid(
            gettext("best is {best}: name one of the completions shown, {completions}").format(
                best=verdict.best, completions=_listed(completions)
            )
        )
    if kind == Kind.DEMONSTRATION:
        _check_demonstration(verdict, completions)
    _check_flags(verdict.flags, completions, flags)
    _check_rest(verdict)


def check_turn_verdict(
    verdict: Verdict, *, completions: Mapping[int, str], flags: Collection[str], has_carried_on: bool = False
) -> None:
    """Refuse a verdict that does not answer what a turn of a conversation asks.

    Args:
        completions: the texts that were shown, by id; none where the annotator writes both sides.
        flags: the codes that the project asks about.
        has_carried_on: a revision: what carried on stays, whatever is thought of it now.

    Raises:
        Invalid: a foreign or missing completion, ranks with a hole, nothing or twice something to carry on, one that
            is not ranked first or is empty, and what check_verdict refuses of flags, notes and time.
    """
    _check_parts(verdict, kind=Kind.CONVERSATION)
    if len(completions) > 1:
        _check_keys("ranks", verdict.ranks, completions, complete=True)
        _check_ranks(verdict.ranks)
    elif verdict.ranks:
        _check_keys("ranks", verdict.ranks, completions, complete=False)
        _check_ranks(verdict.ranks)
    if verdict.text:
        if verdict.best is not None:
            raise Invalid(
                gettext("best is {best} and a text was written: the text carries on, leave best out").format(
                    best=verdict.best
                )
            )
        _check_demonstration(verdict, completions)
    elif not has_carried_on:
        _check_carried(verdict, completions)
    _check_flags(verdict.flags, completions, flags)
    _check_rest(verdict)


def _check_carried(verdict: Verdict, completions: Mapping[int, str]) -> None:
    best = verdict.best
    if not completions:
        raise Invalid(gettext("the completion is empty: write what you would want to read"))
    if verdict.suggestion is not None:
        raise Invalid(
            gettext("suggestion is {suggestion} and no text was written from it: leave it out").format(
                suggestion=verdict.suggestion
            )
        )
    if best is None or best not in completions:
        raise Invalid(
            gettext("best is {best}: name the completion that carries on, of {known}").format(
                best=best, known=_listed(completions)
            )
        )
    if verdict.ranks.get(best, 1) != 1:
        raise Invalid(
            gettext("completion {best} is not ranked first: the best carries on, or one that you write").format(
                best=best
            )
        )
    if not completions[best].strip():
        raise Invalid(
            gettext("completion {best} is empty: choose another one, or write what carries on").format(best=best)
        )


def _check_rest(verdict: Verdict) -> None:
    if len(check_text(verdict.notes, name="the notes")) > MAX_NOTES_CHARACTERS:
        raise Invalid(
            gettext("the notes have {count:,} characters: at most {max_notes_characters:,} are kept").format(
                count=len(verdict.notes), max_notes_characters=MAX_NOTES_CHARACTERS
            )
        )
    if not (math.isfinite(verdict.seconds) and 0 <= verdict.seconds <= MAX_SECONDS):
        raise Invalid(
            gettext("seconds is {seconds!r}: use the active time on the item, from 0 to {max_seconds:.0f}").format(
                seconds=verdict.seconds, max_seconds=MAX_SECONDS
            )
        )


def _check_parts(verdict: Verdict, *, kind: str) -> None:
    """Refuse what belongs to other kinds by its name."""
    given = {name: getattr(verdict, name) for names in ANSWERS.values() for name in names}
    for name, value in given.items():
        if name not in ANSWERS[kind] and value not in (None, "") and value != {}:
            raise Invalid(
                gettext("{name} is not part of a judgement of kind {kind}: send {known}").format(
                    name=name, kind=kind, known=" and ".join(ANSWERS[kind])
                )
            )


def _check_ratings(ratings: Mapping[int, int], completions: Collection[int]) -> None:
    _check_keys("ratings", ratings, completions, complete=True)
    for completion, rating in ratings.items():
        if not _is_whole(rating) or not 1 <= rating <= 7:
            raise Invalid(
                gettext("the rating of completion {completion} is {rating!r}: use a whole number from 1 to 7").format(
                    completion=completion, rating=rating
                )
            )


def _check_strength(verdict: Verdict) -> None:
    is_tie = len(set(verdict.ranks.values())) == 1
    if is_tie and verdict.strength is not None:
        raise Invalid(
            gettext("strength is {strength} and the two are tied: leave it out, or rank one of them first").format(
                strength=verdict.strength
            )
        )
    if not is_tie and (not _is_whole(verdict.strength) or verdict.strength not in STRENGTHS):
        named = ", ".join(f"{number} ({name})" for number, name in STRENGTHS.items())
        raise Invalid(
            gettext("strength is {strength!r}: say how much better the first-ranked is, {named}").format(
                strength=verdict.strength, named=named
            )
        )


def _check_demonstration(verdict: Verdict, completions: Collection[int]) -> None:
    if not check_text(verdict.text, name="the completion").strip():
        raise Invalid(gettext("the completion is empty: write what you would want to read"))
    if len(verdict.text) > MAX_DEMONSTRATION_CHARACTERS:
        raise Invalid(
            gettext(
                "the completion has {count:,} characters: at most {max_demonstration_characters:,} are kept"
            ).format(count=len(verdict.text), max_demonstration_characters=MAX_DEMONSTRATION_CHARACTERS)
        )
    if verdict.suggestion is not None and verdict.suggestion not in completions:
        raise Invalid(
            gettext("suggestion is {suggestion}, which is not part of this assignment").format(
                suggestion=verdict.suggestion
            )
        )


def _check_flags(raised: Mapping[int, list[str]], completions: Collection[int], flags: Collection[str]) -> None:
    _check_keys("flags", raised, completions, complete=False)
    for completion, codes in raised.items():
        unknown = sorted(set(map(str, codes)) - set(flags))
        if unknown:
            raise Invalid(
                gettext("completion {completion} has the unknown flag {unknown!r}: use {flags}").format(
                    completion=completion, unknown=unknown[0], flags=", ".join(flags)
                )
            )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _listed(completions: Collection[int]) -> str:
    return ", ".join(map(str, sorted(completions)))


def _check_keys(name: str, values: Mapping[int, Any], completions: Collection[int], *, complete: bool) -> None:
    foreign = sorted(set(values) - set(completions))
    if foreign:
        raise Invalid(
            gettext("{name} names completion {foreign}, which is not part of this assignment").format(
                name=name, foreign=foreign[0]
            )
        )
    missing = sorted(set(completions) - set(values))
    if complete and missing:
        raise Invalid(
            gettext("{name} lacks completion {missing}: give one for each completion").format(
                name=name, missing=missing[0]
            )
        )


def _check_ranks(ranks: Mapping[int, int]) -> None:
    for completion, rank in ranks.items():
        if not _is_whole(rank) or rank < 1:
            raise Invalid(
                gettext("the rank of completion {completion} is {rank!r}: use whole numbers from 1, the best").format(
                    completion=completion, rank=rank
                )
            )
    used = sorted(set(ranks.values()))
    if used != list(range(1, len(used) + 1)):
        hole = next(number for number in range(1, len(used) + 1) if number not in used)
        raise Invalid(
            gettext("nothing has rank {hole}, but rank {used} is used: ranks have no holes, ties share a rank").format(
                hole=hole, used=used[-1]
            )
        )
