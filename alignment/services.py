"""Every write of the loop that a person or a trigger asks for; one transaction each. What a worker writes is in
alignment.bookkeeping."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from alignment import jobs, selectors
from alignment.changing import change
from alignment.clocks.planning import checked_plan
from alignment.clocks.triggers import contradictions
from alignment.models import BlindEvaluation, LoopSettings, Method, Policy, Run, RunState, Trigger
from alignment.models.asking import ASKING_FIELDS
from alignment.versions import code_version
from labeling import exchange

DEMO = "demo"
LOOP_FIELDS = (
    "enabled",
    "refresh_enabled",
    "policy_enabled",
    "promotion_enabled",
    "judgements_per_refresh",
    "refreshes_per_policy",
    "minutes_between_runs",
    "minutes_at_most",
    "method",
    "start",
    "preset",
    "features",
    "members",
    "pessimism",
    "kl_budget",
    "keep_policies",
    "beta",
    "prompts_per_round",
    "temperature",
    "max_new_tokens",
    "seed",
)


@transaction.atomic
def ensure_loop(*, project_id: int) -> LoopSettings:
    """The project's loop settings and its policy version 1, the base model; made when it has none."""
    project = exchange.project_record(project_id)
    few = 10 if project.slug == DEMO else 50  # the demonstration closes its loop within minutes
    settings, _created = LoopSettings.objects.get_or_create(pk=project_id, defaults={"judgements_per_refresh": few})
    Policy.objects.get_or_create(
        project_id=project_id, version=1, defaults={"is_serving": True, "promoted": timezone.now()}
    )
    return settings


@transaction.atomic
def change_loop(*, project_id: int, changed_by: int | None = None, **changes: Any) -> LoopSettings:
    """Change how the loop of a project runs by itself.

    Args:
        changed_by: id of who changes it; None for a command.
        changes: any of LOOP_FIELDS and ASKING_FIELDS.

    Raises:
        Invalid: an unknown setting, or a value outside its range.
    """
    exchange.refuse_archived(project_id)
    settings = ensure_loop(project_id=project_id)
    settings = LoopSettings.objects.select_for_update().get(pk=settings.pk)
    for name in changes:
        if name not in (*LOOP_FIELDS, *ASKING_FIELDS):
            known = ", ".join((*LOOP_FIELDS, *ASKING_FIELDS))
            raise exchange.Invalid(_("the loop has no setting {name!r}; it has {known}").format(name=name, known=known))
    wanted = {name: changes.get(name, getattr(settings, name)) for name in LOOP_FIELDS}
    for name, message in contradictions(wanted).items():
        raise exchange.Invalid(_("{name}: {message}").format(name=name, message=message), code="contradiction")
    change(settings, changes, project_id=project_id, changed_by=changed_by, topic="loop")
    return settings


@transaction.atomic
def create_run(
    *,
    project_id: int,
    method: str | None = None,
    trigger: str = Trigger.PERSON,
    changes: dict[str, dict[str, Any]] | None = None,
    seed: int | None = None,
    reason: str = "",
    creator_id: int | None = None,
    start: bool = True,
) -> Run:
    """A queued run on all judgements there are now, and the job that executes it.

    Args:
        method: one of Method; None: the project's.
        changes: settings that differ from the project's, by section.
        seed: None: the project's.
        start: False leaves the execution to the caller (the foreground command).

    Raises:
        Invalid: no such method, a setting that does not exist or is out of range, or no judgements at all.
    """
    exchange.refuse_archived(project_id)
    settings = ensure_loop(project_id=project_id)
    method = method or settings.method
    if method not in Method.values:
        known = ", ".join(Method.values)
        raise exchange.Invalid(_("there is no method {name!r}: use one of {known}").format(name=method, known=known))
    seed = settings.seed if seed is None else seed
    plan = checked_plan(settings, method=method, changes=changes or {}).seeded(seed)
    latest = exchange.latest_judgement(project_id)
    if not latest:
        raise exchange.Invalid(_("there are no judgements to learn from: judge some items, or import preferences"))
    run = Run.objects.create(
        project_id=project_id,
        method=method,
        trigger=trigger,
        reason=reason,
        creator_id=creator_id,
        parent=selectors.serving_policy(project_id),
        config=plan.to_dict(),
        seed=seed,
        code_version=code_version(),
        snapshot_last=latest,
    )
    if start:
        hand_to_worker(run_id=run.pk)
    exchange.record_change(
        project_id=project_id,
        actor_id=creator_id,
        action="run.started",
        after={"run": run.pk, "method": method, "trigger": str(trigger)},
    )
    exchange.publish(exchange.project_record(project_id).slug, "run", run=run.pk, state=run.state)
    return run


def hand_to_worker(*, run_id: int) -> bool:
    """Queue the job that executes a run; False when it waits already."""
    return jobs.defer(jobs.EXECUTE_RUN, once=f"run:{run_id}", run_id=run_id)


@transaction.atomic
def request_stop(*, run_id: int, stopped_by: int | None = None) -> Run:
    """Ask a run to stop: one that waits stops at once, one that runs after its current step. Twice is harmless.

    Args:
        stopped_by: id of who asks; None for a command.

    Raises:
        Conflict: it has ended.
    """
    run = Run.objects.select_for_update().get(pk=run_id)
    if not run.is_open:
        refusal = _("run {run} is {state}: only a queued or running one can be stopped")
        raise exchange.Conflict(refusal.format(run=run_id, state=run.state))
    if not run.stop_requested:
        exchange.record_change(
            project_id=run.project_id, actor_id=stopped_by, action="run.stopped", after={"run": run_id}
        )
    run.stop_requested = True
    run.save(update_fields=["stop_requested"])
    if run.state == RunState.QUEUED:
        end_run(run=run, state=RunState.STOPPED)
    else:
        exchange.publish(exchange.project_record(run.project_id).slug, "run", run=run.pk, state=run.state)
    return run


def end_run(*, run: Run, state: RunState, error: str = "", traceback: str = "") -> None:
    """Close a run; part of a transaction that holds its row."""
    run.state, run.error, run.traceback, run.finished = state, error, traceback, timezone.now()
    run.save(update_fields=["state", "error", "traceback", "finished"])
    exchange.publish(exchange.project_record(run.project_id).slug, "run", run=run.pk, state=run.state)


@transaction.atomic
def request_samples(*, project_id: int, prompt_id: int, versions: list[int]) -> bool:
    """Have versions write for one prompt, to be looked at; whether a job was queued (False: one waits already).

    Raises:
        Invalid: a version that does not exist or whose files were removed, none, or more than six.
        NotFound: the prompt is not in the project.
    """
    there = Policy.objects.filter(project=project_id, version__in=versions, removed__isnull=True)
    known = set(there.values_list("version", flat=True))
    if not 1 <= len(known) <= 6 or known != set(versions):
        raise exchange.Invalid(_("versions are {versions}: name one to six that exist").format(versions=versions))
    exchange.prompt_record(project_id, prompt_id)
    return jobs.defer(
        jobs.WRITE_SAMPLES,
        once=f"samples:{project_id}:{prompt_id}",
        project_id=project_id,
        prompt_id=prompt_id,
        versions=sorted(known),
    )


def start_blind_evaluation(
    *, project_id: int, version: int, against: int, num_prompts: int, overlap: int, creator_id: int | None = None
) -> BlindEvaluation:
    """Have people say which of two versions writes better on held-out prompts; the worker writes what is missing.

    Started again for the same versions it asks about prompts that were not asked about yet, if there are any.

    Raises:
        NotFound: there is no such version.
        Invalid: twice the same version, numbers out of range, or no held-out prompts.
        Conflict: the completions for one of these two versions are being written already.
    """
    try:
        return _start_blind_evaluation(project_id, version, against, num_prompts, overlap, creator_id)
    except IntegrityError as error:
        if "blind_evaluation_once_at_a_time" not in str(error):
            raise
        refusal = _(
            "the completions of versions {version} and {against} are being written already: people are asked soon"
        )
        raise exchange.Conflict(refusal.format(version=version, against=against), code="already_started") from error


@transaction.atomic
def _start_blind_evaluation(
    project_id: int, version: int, against: int, num_prompts: int, overlap: int, creator_id: int | None
) -> BlindEvaluation:
    if version == against:
        refusal = _("version {version} cannot be compared with itself: name two versions")
        raise exchange.Invalid(refusal.format(version=version))
    if not (1 <= num_prompts <= 10_000 and 1 <= overlap <= 50):
        refusal = _("{prompts} prompts, {overlap} judgements of each: use 1 to 10,000, and 1 to 50")
        raise exchange.Invalid(refusal.format(prompts=num_prompts, overlap=overlap))
    if not exchange.prompts(project_id, held_out=True, limit=1):
        raise exchange.Invalid(_("there are no held-out prompts: add prompts, of which a share is held out"))
    evaluation = BlindEvaluation.objects.create(
        project_id=project_id,
        policy=selectors.policy_in(project_id, version),
        against=selectors.policy_in(project_id, against),
        num_prompts=num_prompts,
        overlap=overlap,
        seed=secrets.randbits(40),
        creator_id=creator_id,
    )
    jobs.defer(jobs.EVALUATE_BLINDLY, once=f"blind:{evaluation.pk}", evaluation_id=evaluation.pk)
    return evaluation
