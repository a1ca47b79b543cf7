"""What the learner learns from: prompts, completions and judgements of them. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

Role = Literal["system", "user", "assistant"]
Source = Literal["person", "model"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


Prompt = tuple[Message, ...]
"""Messages up to and including the last user turn."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two completions of one judgement, by index, and an outcome: 1 the first won, 0 a tie, -1 the second won."""

    first: int
    second: int
    outcome: Literal[1, 0, -1]
    weight: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """One person's, or one model's, judgement of the completions of one prompt.

    Attributes:
        ranks: rank of each completion, 1 is best, equal ranks are ties; None when they were not ranked.
        ratings: 1 (worst) to 7 (best) of each completion, None where one was not rated.
        best: index of the completion picked as best, when that was the question.
        weight: how much the annotator counts, 1 unless annotators are weighted.
        annotator: stable pseudonym, for accuracy by annotator.
        source: who judged; a model's judgements are AI feedback and may be weighted and counted apart.

    Raises:
        ValueError: fewer completions than 2 with ranks, lengths that differ, a rank outside 1-K, a rating outside 1-7.
    """

    prompt: Prompt
    completions: tuple[str, ...]
    ranks: tuple[int, ...] | None = None
    ratings: tuple[int | None, ...] | None = None
    best: int | None = None
    weight: float = 1.0
    annotator: str = ""
    id: str = ""
    source: Source = "person"

    def __post_init__(self) -> None:
        count = len(self.completions)
        if not count:
            raise ValueError(f"judgement {self.id!r} has no completions")
        if self.best is not None and not 0 <= self.best < count:
            raise ValueError(f"judgement {self.id!r}: best is {self.best}, there are {count} completions")
        if not self.weight >= 0:
            raise ValueError(f"judgement {self.id!r}: weight {self.weight} is not a number of 0 or more")
        self._check("ranks", self.ranks, lowest=1, highest=count)
        self._check("ratings", self.ratings, lowest=1, highest=7)

    def _check(self, name: str, values: tuple[int | None, ...] | None, *, lowest: int, highest: int) -> None:
        if values is None:
            return
        if len(values) != len(self.completions):
            raise ValueError(f"judgement {self.id!r} has {len(self.completions)} completions and {len(values)} {name}")
        for value in values:
            if value is not None and not lowest <= value <= highest:
                raise ValueError(f"judgement {self.id!r}: {value} in {name} is outside {lowest} to {highest}")

    def comparisons(self) -> Iterator[Comparison]:
        """The C(K,2) comparisons that the ranks imply, each weighted weight / C(K,2) (Ouyang et al., 2022, eq. 1).

        Without ranks there are none: pairs derived from ratings are never mixed with ranked pairs.
        """
        if self.ranks is None:
            return
        pairs = list(combinations(range(len(self.completions)), 2))
        for i, j in pairs:
            difference = self.ranks[j] - self.ranks[i]
            outcome: Literal[1, 0, -1] = 1 if difference > 0 else -1 if difference < 0 else 0
            yield Comparison(first=i, second=j, outcome=outcome, weight=self.weight / len(pairs))


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A completion to imitate: a person wrote it for the prompt, or a model whose completion was found good."""

    prompt: Prompt
    completion: str
    id: str = ""
    source: Source = "person"


@dataclass(frozen=True, slots=True)
class Problem:
    """A prompt whose right answer is known; the answer is what a completion concludes, not the completion."""

    prompt: Prompt
    answer: str


def weighted(judgements: Iterable[Judgement], by_source: Mapping[Source, float]) -> list[Judgement]:
    """The judgements with their weights multiplied by a number for their source, by 1 where it is not named.

    Raises:
        ValueError: a weight is no number of 0 or more.
    """
    return [replace(each, weight=each.weight * by_source.get(each.source, 1.0)) for each in judgements]
