"""Curves over versions and over reward models, and proxy against held-out reward: the plain columns of their charts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.db.models import Prefetch

from alignment.models import Evaluation, Policy, Promotion, RewardModel, Stage, Standings
from alignment.seeing.leaderboard import ALL, FAIR

MOST = 200
HELD_OUT = "held_out"
"""The name of the gate's guard that asks the second reward model."""


@dataclass(frozen=True, slots=True)
class VersionPoint:
    """A version on the curves.

    Attributes:
        gain: mean reward of its completions less that of the base's, by the reward model that it learned from: the
            proxy, in nats.
        root_kl: square root of the KL to the base, in nats: as far as a policy is from where it began.
        held_out: share of held-out prompts on which the second reward model, of judgements that nothing else learned
            from, prefers it to the version that served then (a guard of the gate).
        strength, strength_low, strength_high: what people say of it, in nats more than the base (the leaderboard).
    """

    version: int
    is_serving: bool
    gain: float | None
    win_rate: float | None
    win_rate_low: float | None
    win_rate_high: float | None
    kl: float | None
    root_kl: float | None
    length: float | None
    eos_rate: float | None
    loss: float | None
    held_out: float | None
    held_out_low: float | None
    held_out_high: float | None
    strength: float | None
    strength_low: float | None
    strength_high: float | None


@dataclass(frozen=True, slots=True)
class ModelPoint:
    """A reward model on the curves: how often it agrees with held-out judgements."""

    number: int
    run: int
    judgements: int
    accuracy: float | None
    low: float | None
    high: float | None
    loss: float | None


def version_points(project_id: int, *, kept: Standings | None) -> tuple[list[VersionPoint], str]:
    """The newest versions, the oldest of them first; and from which comparisons their strengths are."""
    against_base = Evaluation.objects.filter(against__version=1)
    rows = (
        Policy.objects.filter(project=project_id)
        .select_related("run")
        .defer("run__config", "run__traceback")
        .prefetch_related(
            Prefetch("evaluations", queryset=against_base, to_attr="against_base"),
            Prefetch("promotions", queryset=Promotion.objects.order_by("-id"), to_attr="at_gate"),
        )
        .order_by("-version")[:MOST]
    )
    basis, strengths = _strengths(kept)
    return [_point(row, strengths.get(f"policy:{row.version}", {})) for row in reversed(rows)], basis


def _strengths(kept: Standings | None) -> tuple[str, dict[str, dict[str, float]]]:
    """By the fair comparisons, where two versions were compared in them; else by all. Measured by the base only."""
    for basis in (FAIR, ALL):
        board = kept.leaderboard[basis]["plain"] if kept else {"entries": [], "reference": None}
        if board["reference"] == "policy:1" and len(board["entries"]) > 1:
            return basis, {entry["writer"]: entry for entry in board["entries"]}
    return ALL, {}


def _point(policy: Any, strength: dict[str, float]) -> VersionPoint:
    found: Evaluation | None = policy.against_base[-1] if policy.against_base else None
    guards = policy.at_gate[0].guards if policy.at_gate else []
    guard: dict[str, Any] = next((each for each in guards if each["name"] == HELD_OUT), {})
    results = policy.run.results if policy.run is not None else {}
    kl = found.kl if found else (0.0 if policy.version == 1 else None)
    return VersionPoint(
        version=policy.version,
        is_serving=policy.is_serving,
        gain=found.reward - found.reward_against if found else (0.0 if policy.version == 1 else None),
        win_rate=found.win_rate if found else None,
        win_rate_low=found.win_rate_low if found else None,
        win_rate_high=found.win_rate_high if found else None,
        kl=kl,
        root_kl=max(kl, 0.0) ** 0.5 if kl is not None else None,
        length=found.length if found else None,
        eos_rate=found.eos_rate if found else None,
        loss=results.get(Stage.POLICY, {}).get("loss"),
        held_out=guard.get("value"),
        held_out_low=guard.get("low"),
        held_out_high=guard.get("high"),
        strength=strength.get("strength"),
        strength_low=strength.get("low"),
        strength_high=strength.get("high"),
    )


def model_points(project_id: int) -> list[ModelPoint]:
    """The newest reward models, the oldest of them first."""
    rows = RewardModel.objects.filter(project=project_id).select_related("run").order_by("-number")[:MOST]
    return [
        ModelPoint(
            number=row.number,
            run=row.run_id,
            judgements=row.run.snapshot_counts.get("train", 0),
            accuracy=row.accuracy,
            low=row.accuracy_low,
            high=row.accuracy_high,
            loss=row.run.results.get(Stage.REWARD_MODEL, {}).get("loss"),
        )
        for row in reversed(rows.defer("run__config", "run__traceback"))
    ]


def over_optimised(points: list[VersionPoint]) -> VersionPoint | None:
    """The newest version whose proxy went up over the version before it while people say that it got worse.

    Only where the intervals of what people say do not overlap: a lower estimate alone says nothing.
    """
    known = [each for each in points if each.strength is not None and each.gain is not None]
    for before, after in reversed(list(pairwise(known))):
        rose = (after.gain or 0.0) > (before.gain or 0.0)
        if rose and (after.strength_high or 0.0) < (before.strength_low or 0.0):
            return after
    return None
