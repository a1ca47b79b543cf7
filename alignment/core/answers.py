"""Answers: what completions conclude. An answer is found in a completion's text; it is never the completion itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Extract = Callable[[str], str | None]
"""The answer of a completion's text, None when it reaches none."""


@dataclass(frozen=True)
class Vote:
    """What most completions of a prompt conclude.

    Attributes:
        answer: the most frequent, the first of equally frequent ones; None when none was reached.
        votes: completions that reach it.
        total: completions, those without an answer included.
    """

    answer: str | None
    votes: int
    total: int

    @property
    def share(self) -> float:
        """Of all completions that reach the answer."""
        return self.votes / self.total if self.total else 0.0


def behind(marker: str) -> Extract:
    """The answer is what follows the last marker, to the end of its line: ``#### 42`` with ``behind("####")``."""
    if not marker:
        raise ValueError("the marker is empty; give the text that stands before an answer, such as '####'")

    def extract(text: str) -> str | None:
        _, found, rest = text.rpartition(marker)
        return (rest.split("\n", 1)[0].strip() or None) if found else None

    return extract


def majority(answers: Iterable[str | None]) -> Vote:
    """Self-consistency: the answer that most samples reach (Wang et al., 2022, section 2)."""
    together = list(answers)
    counts = Counter(answer for answer in together if answer is not None)
    answer, votes = counts.most_common(1)[0] if counts else (None, 0)
    return Vote(answer, votes, len(together))
