"""What crosses the door to other apps (labeling.exchange): frozen records, plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labeling.models import Kind, Role


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A project as the learner needs to know it, and the role of the person who asks."""

    id: int
    slug: str
    name: str
    completions_per_item: int
    overlap: int
    role: str = Role.ADMIN.value
    kinds: tuple[str, ...] = (Kind.RANKING.value,)
    is_archived: bool = False

    @property
    def is_managed(self) -> bool:
        """Whether the person may steer the loop."""
        return self.role == Role.ADMIN


@dataclass(frozen=True, slots=True)
class PromptRecord:
    """A prompt: messages are (role, content)."""

    id: int
    digest: str
    messages: tuple[tuple[str, str], ...]
    held_out: bool

    @property
    def last_turn(self) -> str:
        """The text of the last message."""
        return self.messages[-1][1]


@dataclass(frozen=True, slots=True)
class CompletionRecord:
    """A completion and the policy version that wrote it, None when a person or an import did."""

    id: int
    text: str
    policy_version: int | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """How an item was chosen among what could have been asked about (alignment.asking).

    Attributes:
        rule: a code of labeling.models.Rule.
        propensity: how probable it was that just this would be asked about, above 0 and at most 1.
        random_propensity: how probable it would have been with everything chosen at random.
        is_random: whether it is of the share that was chosen at random.
    """

    rule: str
    propensity: float
    random_propensity: float
    is_random: bool

    @property
    def weight(self) -> float:
        """What its judgements weigh in an estimate of what is true of items chosen at random."""
        return self.random_propensity / self.propensity


@dataclass(frozen=True, slots=True)
class JudgementRecord:
    """One current judgement. Ranks and ratings are aligned with the completions; 1 is the best rank.

    ``best`` is the position of the completion that was picked, where that was asked.
    ``annotator`` is a pseudonym within the project, empty for imports.
    ``chosen`` says how the item was chosen, where that is known.
    """

    id: int
    prompt: PromptRecord
    completions: tuple[CompletionRecord, ...]
    ranks: tuple[int, ...] | None
    ratings: tuple[int | None, ...] | None
    annotator: str
    source: str
    best: int | None = None
    chosen: Chosen | None = None


@dataclass(frozen=True, slots=True)
class DemonstrationRecord:
    """A completion that a person wrote for a prompt; ``suggestion`` is the text it was begun from."""

    id: int
    prompt: PromptRecord
    text: str
    suggestion: str | None
    annotator: str


@dataclass(frozen=True, slots=True)
class Sampled:
    """A completion that a policy sampled; logprob is in nats under the sampling distribution.

    ``policy_version`` is who wrote it where several write together; None: the version that the call names.
    """

    prompt: int
    text: str
    logprob: float
    sampling: dict[str, Any]
    policy_version: int | None = None
