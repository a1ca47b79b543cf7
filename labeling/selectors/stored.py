"""What streamed reads hand out: labels and prompts with all that was decided, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labeling.selectors.labels import Names

KEY_CHARACTERS = 16
NOBODY = Names(0)
"""Until the read says whose names they are."""


@dataclass(slots=True)
class StoredJudgement:
    """One label with its completions and what was decided about each, aligned by position.

    ``best`` is the position of the one picked, ``strength`` how much better the winner of a pair is (1 to 3).
    ``key`` names the label outside, ``keys`` its completions, and ``replaced_by`` the label that superseded it, if that
    had happened when it was read up to. ``said`` is what the file of an imported label told beside: it goes before
    what is known here. ``models`` are the names of models of elsewhere that wrote the completions, if there are any.
    """

    label: int
    kind: str
    project: int
    item: int
    best: int | None
    strength: int | None
    rule: str
    propensity: float | None
    random_propensity: float | None
    is_random: bool
    annotator: int | None
    source: str
    is_extra: bool
    notes: str
    seconds: float
    guidelines_version: int | None
    created: str
    replaced_by: str | None
    key: str
    said: dict[str, Any] | None
    prompt: int
    messages: list[dict[str, str]]
    prompt_digest: str
    held_out: bool
    topics: list[str]
    tags: list[str]
    completions: list[int]
    keys: list[str]
    texts: list[str]
    versions: list[int | None]
    ranks: list[int | None]
    ratings: list[int | None]
    flags: list[list[str]]
    models: list[str | None] | None = None
    names: Names = NOBODY

    @property
    def called(self) -> str:
        """The annotator's pseudonym."""
        return self.names.of(self.annotator)


@dataclass(slots=True)
class StoredDemonstration:
    """One label in which somebody wrote a completion, perhaps from a suggestion."""

    label: int
    project: int
    annotator: int | None
    source: str
    is_extra: bool
    notes: str
    seconds: float
    guidelines_version: int | None
    created: str
    replaced_by: str | None
    key: str
    said: dict[str, Any] | None
    prompt: int
    messages: list[dict[str, str]]
    prompt_digest: str
    held_out: bool
    topics: list[str]
    tags: list[str]
    completion: str
    text: str
    suggestion: str | None
    suggestion_text: str | None
    model: str | None
    names: Names = NOBODY

    @property
    def called(self) -> str:
        """The annotator's pseudonym."""
        return self.names.of(self.annotator)


@dataclass(slots=True)
class StoredPrompt:
    """A prompt of which something was judged."""

    prompt: int
    messages: list[dict[str, str]]
    prompt_digest: str
    held_out: bool
    topics: list[str]
    tags: list[str]


def prompt_key(digest: str) -> str:
    """What a prompt is called outside: the same wherever its messages are."""
    return digest[:KEY_CHARACTERS]
