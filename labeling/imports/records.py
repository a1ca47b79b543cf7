"""One row of a file, checked: a prompt, perhaps completions, perhaps what was decided about them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext, ngettext

from labeling.errors import Invalid
from labeling.imports.talks import Talk
from labeling.imports.told import Told
from labeling.services.texts import Messages, check_messages, check_text, messages_digest
from labeling.services.verdicts import MAX_DEMONSTRATION_CHARACTERS, MAX_NOTES_CHARACTERS

MIN_COMPLETIONS, MAX_COMPLETIONS = 2, 9


@dataclass(frozen=True, slots=True)
class Record:
    """What a row says. Ranks, ratings and flags are aligned with the completions; 1 is the best rank.

    ``best`` is the place of the completion picked, from 0; ``demonstration`` is what somebody wrote, perhaps from a
    ``suggestion``; ``models`` are the names of the models that wrote the texts, nothing where none has one; ``created``
    is when it was judged; ``turns_left_out`` counts turns after the user's last one, which
    are no part of a prompt; ``told`` is what a row of an export says beside, and ``talk`` the conversation that the
    prompt began.
    """

    messages: Messages
    completions: tuple[str, ...] = ()
    ranks: tuple[int, ...] | None = None
    ratings: tuple[int | None, ...] | None = None
    flags: tuple[tuple[str, ...], ...] = field(default=())
    notes: str = ""
    turns_left_out: int = 0
    best: int | None = None
    demonstration: str | None = None
    topics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    priority: int = 0
    created: dt.datetime | None = None
    prompt_digest: str = ""
    strength: int | None = None
    suggestion: str | None = None
    told: Told | None = None
    talk: Talk | None = None
    models: tuple[str | None, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The completions to be stored: those to be judged, or the one that was written."""
        if self.demonstration is None:
            return self.completions
        return (self.demonstration,) if self.suggestion is None else (self.demonstration, self.suggestion)

    @property
    def is_judged(self) -> bool:
        """Whether somebody decided something about the completions, or wrote one."""
        return (
            self.ranks is not None
            or self.ratings is not None
            or self.best is not None
            or self.demonstration is not None
            or self.told is not None
        )

    def digest(self) -> str:
        """SHA-256 of everything that was said and decided: equal rows are equal judgements."""
        said: list[Any] = [self.prompt_digest, self.completions, self.ranks, self.ratings, self.flags, self.notes]
        if self.best is not None:  # rows without one keep their digest
            said.append(self.best)
        if self.demonstration is not None:
            said.append(self.demonstration)
        if self.told is not None and not self.told.key:
            said.append(sorted(self.told.said.items()))
        return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def make_record(
    *,
    prompt: object,
    completions: Sequence[object] = (),
    ranks: object = None,
    ratings: object = None,
    flags: object = None,
    notes: object = "",
    best: object = None,
    least: int = MIN_COMPLETIONS,
) -> Record:
    """A record whose every part the services will take.

    Args:
        least: how many completions there have to be, if there are any.

    Raises:
        Invalid: a prompt, a completion or a judgement that breaks a rule; the message names it.
    """
    messages = check_messages(prompt)
    texts = tuple(check_text(text, name=f"completion {number}") for number, text in enumerate(completions, start=1))
    if texts:
        _check_completions(texts, least)
    checked_notes = check_text("" if notes is None else notes, name="the notes")
    if len(checked_notes) > MAX_NOTES_CHARACTERS:
        raise Invalid(
            gettext("the notes have {count:,} characters: at most {max_notes_characters:,} are kept").format(
                count=len(checked_notes), max_notes_characters=MAX_NOTES_CHARACTERS
            )
        )
    return Record(
        messages=messages,
        completions=texts,
        ranks=None if ranks is None else check_ranks(ranks, len(texts)),
        ratings=check_ratings(ratings, len(texts)),
        flags=check_flags(flags, len(texts)),
        notes=checked_notes,
        best=check_best(best, len(texts), is_alone=ranks is None and ratings is None),
        prompt_digest=messages_digest(messages),
    )


def check_demonstration(text: object) -> str:
    """What somebody wrote.

    Raises:
        Invalid: no text, an empty one, or over 100,000 characters.
    """
    checked = check_text(text, name="the completion", limit=MAX_DEMONSTRATION_CHARACTERS)
    if not checked.strip():
        raise Invalid(gettext("the completion is empty: a demonstration is a text"))
    return checked


def _check_completions(texts: tuple[str, ...], least: int) -> None:
    if not least <= len(texts) <= MAX_COMPLETIONS:
        raise Invalid(
            ngettext(
                "{count} completion: {min_completions} to {max_completions} are judged together",
                "{count} completions: {min_completions} to {max_completions} are judged together",
                len(texts),
            ).format(count=len(texts), min_completions=least, max_completions=MAX_COMPLETIONS)
        )
    for number, text in enumerate(texts, start=1):
        first = texts.index(text) + 1
        if first < number:
            raise Invalid(
                gettext(
                    "completions {first} and {number} are the same text: nothing is left to decide between them"
                ).format(first=first, number=number)
            )


def check_ranks(ranks: object, count: int) -> tuple[int, ...]:
    """Ranks from 1 without holes, one for each completion.

    Raises:
        Invalid: another number of them, no whole numbers, or a hole.
    """
    values = _list("ranks", ranks, count)
    for value in values:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= count:
            raise Invalid(
                gettext("the rank {value!r} is not a whole number from 1 to {count}").format(value=value, count=count)
            )
    if holes := set(range(1, max(values) + 1)) - set(values):
        raise Invalid(
            gettext("nothing has rank {holes}, but rank {values} is used: ties share a rank, without holes").format(
                holes=min(holes), values=max(values)
            )
        )
    return tuple(values)


def check_best(best: object, count: int, *, is_alone: bool) -> int | None:
    """The place of the completion picked, from 0; None when none was.

    Raises:
        Invalid: no place of a completion, or a pick beside ranks or ratings.
    """
    if best is None:
        return None
    if not isinstance(best, int) or isinstance(best, bool) or not 0 <= best < count:
        raise Invalid(
            gettext("best is {best!r}: give the place of the completion picked, from 0 to {count}").format(
                best=best, count=count - 1
            )
        )
    if not is_alone:
        raise Invalid(gettext("there are a pick of the best and ranks or ratings: make two rows of them"))
    return best


def check_strength(strength: object, *, is_pair: bool) -> int | None:
    """How much better the winner of a pair is, 1 to 3; None for what is no pair.

    Raises:
        Invalid: another value.
    """
    if strength is None or not is_pair:
        return None
    if not isinstance(strength, int) or isinstance(strength, bool) or not 1 <= strength <= 3:
        raise Invalid(gettext("the strength {value!r} is not a whole number from 1 to 3").format(value=strength))
    return strength


def check_ratings(ratings: object, count: int) -> tuple[int | None, ...] | None:
    """Ratings from 1 to 7 or null, one for each completion; None when there are none at all.

    Raises:
        Invalid: another number of them, or one outside 1 to 7.
    """
    if ratings is None:
        return None
    values = _list("ratings", ratings, count)
    for value in values:
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 7):
            raise Invalid(gettext("the rating {value!r} is not a whole number from 1 to 7 or null").format(value=value))
    return tuple(values) if any(value is not None for value in values) else None


def check_flags(flags: object, count: int) -> tuple[tuple[str, ...], ...]:
    """Lists of flag codes, one for each completion; empty when no flag was raised.

    Raises:
        Invalid: another number of lists, or a code that is no text. Which codes a project has, import_file checks.
    """
    if flags is None:
        return ()
    groups = [[] if group is None else group for group in _list("flags", flags, count)]
    for code in (code for group in groups for code in _list("the flags of a completion", group)):
        if not isinstance(code, str):
            raise Invalid(gettext("the flag {code!r} is no text").format(code=code))
    return tuple(tuple(sorted(set(group))) for group in groups) if any(groups) else ()


def _list(name: str, values: object, count: int | None = None) -> list[Any]:
    if not isinstance(values, list | tuple):
        raise Invalid(gettext("{name} is {type}, not a list").format(name=name, type=type(values).__name__))
    if count is not None and len(values) != count:
        raise Invalid(
            ngettext(
                "{name} has {count} value for {completions} completions",
                "{name} has {count} values for {completions} completions",
                len(values),
            ).format(name=name, count=len(values), completions=count)
        )
    return list(values)
