"""Reads of runs, policies and the loop's state. Named, and no query in a loop."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import F, Prefetch, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext

from alignment.models import (
    OPEN_PROMOTIONS,
    OPEN_STATES,
    Evaluation,
    LoopSettings,
    Metric,
    Policy,
    Promotion,
    RewardModel,
    Run,
    Sample,
)
from labeling import exchange


def loop_settings(project_id: int) -> LoopSettings:
    """The project's settings, or the defaults, unsaved, when it has none yet."""
    found = LoopSettings.objects.filter(pk=project_id).first()
    return found or LoopSettings(project_id=project_id)


def runs(project_id: int) -> QuerySet[Run]:
    """A project's runs with what they made, the newest first."""
    return (
        Run.objects.filter(project=project_id)
        .select_related("parent", "policy", "rewarded_by", "creator")
        .defer("results", "traceback", "config")
        .order_by("-id")
    )


def run_in(project_id: int, run_id: int) -> Run:
    """A run of a project.

    Raises:
        NotFound: there is none with this id in the project.
    """
    run = (
        Run.objects.select_related("parent", "policy", "rewarded_by", "creator")
        .filter(pk=run_id, project=project_id)
        .first()
    )
    if run is None:
        raise exchange.NotFound(gettext("there is no run {run_id} in this project").format(run_id=run_id))
    return run


def policy_in(project_id: int, version: int) -> Policy:
    """A policy version of a project.

    Raises:
        NotFound: there is none with this number in the project.
    """
    policy = Policy.objects.filter(project=project_id, version=version).first()
    if policy is None:
        raise exchange.NotFound(gettext("there is no policy version {version} in this project").format(version=version))
    return policy


def run_for(run_id: int, *, user: Any, roles: Collection[str]) -> tuple[Run, exchange.ProjectRecord]:
    """A run for a person who holds one of the roles in its project.

    Raises:
        NotFound: no such run, or no place in its project.
        NotAllowed: another role.
    """
    run = Run.objects.select_related("parent", "policy", "rewarded_by", "creator").filter(pk=run_id).first()
    if run is None:
        raise exchange.NotFound(
            gettext("there is no run {run_id}, or you are not a member of its project").format(run_id=run_id)
        )
    return run, _place(
        run.project_id, user=user, roles=roles, missing=gettext("there is no run {run_id}").format(run_id=run_id)
    )


def policy_for(policy_id: int, *, user: Any, roles: Collection[str]) -> tuple[Policy, exchange.ProjectRecord]:
    """A policy for a person who holds one of the roles in its project.

    Raises:
        NotFound: no such policy, or no place in its project.
        NotAllowed: another role.
    """
    policy = Policy.objects.select_related("parent", "run").filter(pk=policy_id).first()
    if policy is None:
        raise exchange.NotFound(
            gettext("there is no policy {policy_id}, or you are not a member of its project").format(
                policy_id=policy_id
            )
        )
    return policy, _place(
        policy.project_id,
        user=user,
        roles=roles,
        missing=gettext("there is no policy {policy_id}").format(policy_id=policy_id),
    )


def _place(
    project_id: int, *, user: AbstractUser | AnonymousUser, roles: Collection[str], missing: str
) -> exchange.ProjectRecord:
    slug = exchange.project_record(project_id).slug
    try:
        return exchange.project_for(slug, user=user, roles=roles)  # type: ignore[arg-type]  # the site's own user model
    except exchange.NotFound:
        raise exchange.NotFound(
            gettext("{missing}, or you are not a member of its project").format(missing=missing)
        ) from None


def policies(project_id: int) -> QuerySet[Policy]:
    """A project's policy versions, the newest first, with ``compared``: against the parent, then against the base."""
    evaluations = Evaluation.objects.select_related("against").order_by("-against__version")
    return (
        Policy.objects.filter(project=project_id)
        .select_related("parent", "run", "run__reward_model")
        .defer("run__results", "run__config", "run__traceback")
        .prefetch_related(Prefetch("evaluations", queryset=evaluations, to_attr="compared"))
        .order_by("-version")
    )


def versions(project_id: int) -> list[int]:
    """The numbers of all versions, the newest first."""
    return list(Policy.objects.filter(project=project_id).order_by("-version").values_list("version", flat=True))


def serving_policy(project_id: int) -> Policy | None:
    """The version that writes for the queue, None before the first."""
    return Policy.objects.filter(project=project_id, is_serving=True).first()


def newest_candidate(project_id: int) -> Policy | None:
    """The newest version that nobody has decided about yet: people are asked about it, or it waits for that."""
    rows = Promotion.objects.select_related("candidate").filter(project=project_id, state__in=OPEN_PROMOTIONS)
    newest = rows.order_by("-candidate__version").first()
    return newest.candidate if newest else None


def current_reward_model(project_id: int) -> RewardModel | None:
    """The model that gives the rewards, with its run; None before the first."""
    return RewardModel.objects.select_related("run").filter(project=project_id, is_current=True).first()


def reward_model_in(project_id: int, number: int) -> RewardModel:
    """A reward model of a project.

    Raises:
        NotFound: there is none with this number in the project.
    """
    model = RewardModel.objects.select_related("run").filter(project=project_id, number=number).first()
    if model is None:
        raise exchange.NotFound(gettext("there is no reward model {number} in this project").format(number=number))
    return model


def base_digest(project_id: int) -> str:
    """Digest of the base model that the project's policies are adapters of; empty before its first use."""
    rows = Policy.objects.filter(project=project_id, version=1).values_list("base_digest", flat=True)
    return rows.first() or ""


def open_run(project_id: int) -> Run | None:
    """The run that is under way, else the oldest that waits."""
    return Run.objects.filter(project=project_id, state__in=OPEN_STATES).order_by("-state", "id").first()


def metrics(run: Run) -> list[dict[str, Any]]:
    """What the run reported, in order: stage, step and values."""
    rows = Metric.objects.filter(run=run).order_by("id").values_list("stage", "step", "values")
    return [{"stage": stage, "step": step, "values": values} for stage, step, values in rows]


def curves(run: Run, *, most_points: int = 1000) -> dict[str, dict[str, Any]]:
    """The run's metrics by stage, as columns to be drawn: {stage: {steps: [...], values: {name: [...]}}}.

    A name that a step lacks is None there. Of more than ``most_points`` steps every n-th is taken, and the last.
    """
    by_stage: dict[str, list[tuple[int, dict[str, float]]]] = {}
    for row in metrics(run):
        by_stage.setdefault(row["stage"], []).append((row["step"], row["values"]))
    return {stage: _columns(sorted(rows, key=lambda row: row[0]), most_points) for stage, rows in by_stage.items()}


def _columns(rows: list[tuple[int, dict[str, float]]], most_points: int) -> dict[str, Any]:
    every = -(-len(rows) // most_points)
    kept = [row for at, row in enumerate(rows) if at % every == 0 or at == len(rows) - 1]
    names = sorted({name for _, values in kept for name in values})
    return {
        "steps": [step for step, _ in kept],
        "values": {name: [values.get(name) for _, values in kept] for name in names},
    }


def browsable_prompts(project_id: int) -> list[exchange.PromptRecord]:
    """Prompts to look at versions by: the held-out ones first, which every evaluation wrote for."""
    held_out = exchange.prompts(project_id, held_out=True, limit=100)
    return held_out + exchange.prompts(project_id, held_out=False, limit=100)


def chosen_prompt(
    project_id: int, wanted: str, listed: Sequence[exchange.PromptRecord]
) -> exchange.PromptRecord | None:
    """The prompt that was asked for by id, else the first listed one.

    Raises:
        NotFound: the project has none with this id.
    """
    if wanted.isdecimal() and len(wanted) < 19:
        return exchange.prompt_record(project_id, int(wanted))
    return listed[0] if listed else None


def policies_to_compare(project_id: int, versions: Sequence[int]) -> tuple[list[Policy], list[Policy]]:
    """All versions, the newest first, and those to show: the ones asked for, else base, served and newest."""
    every = list(Policy.objects.filter(project=project_id).order_by("-version")[:100])
    asked = [policy for policy in every if policy.version in versions]
    usual = [policy for policy in every if policy.version == 1 or policy.is_serving or policy == every[0]]
    return every, sorted(asked or usual, key=lambda policy: policy.version)


def samples_of(prompt_id: int, *, policies: Sequence[Policy], most: int = 4) -> dict[int, list[Sample]]:
    """The newest samples of each policy for one prompt, by policy id."""
    newest = Window(RowNumber(), partition_by="policy", order_by=F("id").desc())
    rows = (
        Sample.objects.filter(prompt=prompt_id, policy__in=policies)
        .annotate(place=newest)
        .filter(place__lte=most)
        .order_by("-id")
    )
    found: dict[int, list[Sample]] = {policy.pk: [] for policy in policies}
    for row in rows:
        found[row.policy_id].append(row)
    return found
