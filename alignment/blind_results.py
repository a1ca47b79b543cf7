"""What people say of two policy versions whose completions they compared without knowing of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from alignment.models import BlindEvaluation, BlindState
from labeling import exchange

SEED = 0
"""Of the interval's draws: the same judgements give the same interval on every page."""


@dataclass(frozen=True, kw_only=True)
class BlindResult:
    """How often people prefer one version to another on held-out prompts.

    Attributes:
        win_rate, low, high: share of judgements that prefer ``version``, ties one half, with a 95 % interval drawn by
            prompt. A prompt for which both wrote the same counts as one tie.
        num_judgements, num_ties: by people, revisions and repeated ones not counted twice.
        num_wanted: how many judgements were asked for.
        num_prompts: judged so far.
        num_same: prompts for which both wrote the same, so that nobody was asked.
    """

    version: int
    against: int
    win_rate: float
    low: float
    high: float
    num_judgements: int
    num_ties: int
    num_wanted: int
    num_prompts: int
    num_same: int


def blind_result(project_id: int, *, version: int, against: int) -> BlindResult | None:
    """What people say of a version against another one; None before the first judgement. What a gate decides by."""
    for record in exchange.blind_evaluations(project_id):
        if {record.first, record.second} == {version, against}:
            return _result(record, version=version, against=against)
    return None


@dataclass(frozen=True, slots=True)
class ShownEvaluation:
    """A blind evaluation and what came of it so far, for a page."""

    evaluation: BlindEvaluation
    result: BlindResult | None
    num_wanted: int
    num_same: int

    @property
    def is_waiting(self) -> bool:
        """Whether the worker has yet to write what is compared."""
        return self.evaluation.state == BlindState.QUEUED


def shown_evaluations(project_id: int, *, most: int = 25) -> list[ShownEvaluation]:
    """The project's blind evaluations, the newest first, the last one only of each two versions. Two queries."""
    return with_results(project_id, newest_evaluations(project_id)[:most])


def newest_evaluations(project_id: int) -> QuerySet[BlindEvaluation]:
    """The same before anything is known of their results."""
    same_two = Q(policy=OuterRef("policy"), against=OuterRef("against")) | Q(
        policy=OuterRef("against"), against=OuterRef("policy")
    )
    later = BlindEvaluation.objects.filter(same_two, project=OuterRef("project"), pk__gt=OuterRef("pk"))
    rows = BlindEvaluation.objects.filter(~Exists(later), project=project_id)
    return rows.select_related("policy", "against").order_by("-id")


def with_results(project_id: int, rows: Iterable[BlindEvaluation]) -> list[ShownEvaluation]:
    """Each with what came of it so far."""
    known = {(record.first, record.second): record for record in exchange.blind_evaluations(project_id)}
    return [_shown(row, known) for row in rows]


def _shown(row: BlindEvaluation, known: dict[tuple[int, int], exchange.EvaluationRecord]) -> ShownEvaluation:
    version, against = row.policy.version, row.against.version
    record = known.get((min(version, against), max(version, against)))
    return ShownEvaluation(
        evaluation=row,
        result=_result(record, version=version, against=against) if record else None,
        num_wanted=record.num_wanted if record else 0,
        num_same=len(record.same) if record else 0,
    )


def _result(record: exchange.EvaluationRecord, *, version: int, against: int) -> BlindResult | None:
    if not record.outcomes:
        return None
    # NumPy and SciPy take the web process a second and 60 MB, which only this page needs.
    from alignment.core.statistics.win_rates import win_rate

    sign = 1 if record.first == version else -1
    rows = [(prompt, sign * outcome) for prompt, outcome in record.outcomes] + [(prompt, 0) for prompt in record.same]
    rate = win_rate([each for _, each in rows], [0] * len(rows), seed=SEED, prompts=[prompt for prompt, _ in rows])
    return BlindResult(
        version=version,
        against=against,
        win_rate=rate.overall.estimate,
        low=rate.overall.low,
        high=rate.overall.high,
        num_judgements=len(record.outcomes),
        num_ties=sum(outcome == 0 for _, outcome in record.outcomes),
        num_wanted=record.num_wanted,
        num_prompts=len({prompt for prompt, _ in record.outcomes}),
        num_same=len(record.same),
    )
