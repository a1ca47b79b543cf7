"""What a worker writes about the run that it executes; one transaction each.

A worker that takes a run raises ``attempts``; every later write names the attempt. So a worker that was cut off from
the database, and whose run another one took, can't write to it any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from alignment import jobs
from alignment.models import (
    OPEN_STATES,
    BlindEvaluation,
    BlindState,
    Evaluation,
    LoopSettings,
    Metric,
    Policy,
    Run,
    RunState,
    Sample,
    Stage,
)
from alignment.services import end_run
from labeling import exchange


class RunTaken(RuntimeError):
    """The run ended, or another worker took it: this one has nothing to do with it any more."""


@transaction.atomic
def take_run(*, run_id: int) -> Run | None:
    """Take a queued or running run for this worker; None when it has ended or is asked to stop before it began."""
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None or not run.is_open:
        return None
    run.attempts += 1
    run.state = RunState.RUNNING
    run.started = run.started or timezone.now()
    run.save(update_fields=["attempts", "state", "started"])
    exchange.publish(_slug(run), "run", run=run.pk, state=run.state)
    return run


def held(run_id: int, attempt: int) -> Run:
    """The run's row, locked, if this attempt still has it."""
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.attempts != attempt or run.state != RunState.RUNNING:
        raise RunTaken(f"run {run_id} is {run.state} at attempt {run.attempts}, this is attempt {attempt}")
    return run


@transaction.atomic
def start_stage(*, run_id: int, attempt: int, stage: Stage) -> None:
    """Say what the run does now.

    Raises:
        RunTaken: see there; so do all writes here.
    """
    run = held(run_id, attempt)
    run.stage = stage
    run.save(update_fields=["stage"])
    exchange.publish(_slug(run), "run", run=run.pk, state=run.state, stage=stage)


@transaction.atomic
def finish_stage(*, run_id: int, attempt: int, stage: Stage, result: Mapping[str, Any], **fields: Any) -> Run:
    """Keep what a stage found, so that it is not done again, and set other fields of the run.

    Returns:
        All results so far, by stage.
    """
    run = held(run_id, attempt)
    run.results = {**run.results, stage: dict(result)}
    for name, value in fields.items():
        setattr(run, name, value)
    run.save(update_fields=["results", *fields])
    exchange.publish(_slug(run), "run", run=run.pk, state=run.state, stage=stage)
    return run


@transaction.atomic
def record_metrics(
    *, run_id: int, attempt: int, stage: Stage, steps: Sequence[tuple[int, Mapping[str, float]]]
) -> bool:
    """Store what some steps reported; a step that is there already is written over.

    Returns:
        Whether the run is asked to stop.
    """
    run = held(run_id, attempt)
    Metric.objects.bulk_create(
        [Metric(run=run, stage=stage, step=step, values=_finite(values)) for step, values in steps],
        update_conflicts=True,
        unique_fields=["run", "stage", "step"],
        update_fields=["values"],
        batch_size=1000,
    )
    if steps:
        exchange.publish(_slug(run), "metric", run=run.pk, stage=stage, step=steps[-1][0])
    return run.stop_requested


@transaction.atomic
def reserve_version(*, run_id: int, attempt: int) -> int:
    """The version number of the policy that the run is about to save; the same one after a restart."""
    run = held(run_id, attempt)
    if "version" in run.results:
        return int(run.results["version"])
    # The settings row is the lock: two runs of a project get different numbers.
    LoopSettings.objects.select_for_update().filter(pk=run.project_id).first()
    stored = Policy.objects.filter(project=run.project_id).aggregate(Max("version"))["version__max"] or 1
    others = Run.objects.filter(project=run.project_id, state__in=OPEN_STATES, results__has_key="version")
    reserved = [int(results["version"]) for results in others.values_list("results", flat=True)]
    version = max([stored, *reserved]) + 1
    run.results = {**run.results, "version": version}
    run.save(update_fields=["results"])
    return version


@transaction.atomic
def register_policy(*, run_id: int, attempt: int, version: int, path: str, digest: str, base_digest: str) -> Policy:
    """The policy version of a run, a candidate; the same again after a restart."""
    run = held(run_id, attempt)
    parent = run.parent or Policy.objects.get(project=run.project_id, version=1)
    policy, created = Policy.objects.get_or_create(
        run=run,
        defaults={
            "project_id": run.project_id,
            "version": version,
            "parent": parent,
            "method": run.method,
            "path": path,
            "digest": digest,
            "base_digest": base_digest,
        },
    )
    if created:
        exchange.publish(_slug(run), "policy", version=version)
    return policy


@transaction.atomic
def record_evaluation(
    *,
    run_id: int,
    attempt: int,
    policy: Policy,
    comparisons: Sequence[Mapping[str, Any]],
    samples: Sequence[Mapping[str, Any]],
) -> None:
    """How a policy did, and the samples that say so; what an earlier attempt stored is replaced.

    Args:
        comparisons: fields of Evaluation, one for each policy it was compared with.
        samples: fields of Sample.
    """
    run = held(run_id, attempt)
    Evaluation.objects.filter(run=run).delete()
    Sample.objects.filter(run=run).delete()
    Evaluation.objects.bulk_create([Evaluation(run=run, policy=policy, **fields) for fields in comparisons])
    Sample.objects.bulk_create([Sample(run=run, **fields) for fields in samples], batch_size=1000)


@transaction.atomic
def store_samples(*, project_id: int, prompt_id: int, samples: Sequence[Mapping[str, Any]]) -> None:
    """Completions that somebody asked to see."""
    Sample.objects.bulk_create([Sample(prompt_id=prompt_id, **fields) for fields in samples])
    exchange.publish(exchange.project_record(project_id).slug, "samples", prompt=prompt_id)


@transaction.atomic
def end_blind_evaluation(*, evaluation_id: int, error: str = "") -> None:
    """People are asked now; or they can't be, and why."""
    evaluation = BlindEvaluation.objects.select_for_update().get(pk=evaluation_id)
    evaluation.state = BlindState.FAILED if error else BlindState.ASKED
    evaluation.error = error.strip()[:2000]
    evaluation.save(update_fields=["state", "error"])
    exchange.publish(exchange.project_record(evaluation.project_id).slug, "policy", evaluation=evaluation.pk)


@transaction.atomic
def confirm_base(*, project_id: int, digest: str) -> None:
    """Note the digest of the base model at its first use, and refuse another one later.

    Raises:
        ValueError: the project's policies are adapters of another base model.
    """
    first = Policy.objects.select_for_update().get(project=project_id, version=1)
    if not first.base_digest:
        first.base_digest = first.digest = digest
        first.save(update_fields=["base_digest", "digest"])
    elif first.base_digest != digest:
        raise ValueError(
            f"the model has the digest {digest[:12]}, the policies of this project are adapters of "
            f"{first.base_digest[:12]}: set MODEL back to the model that the project began with, or begin a new project"
        )


@transaction.atomic
def finish_run(*, run_id: int, attempt: int) -> None:
    """The run did all that it had to."""
    run = held(run_id, attempt)
    end_run(run=run, state=RunState.FINISHED)
    jobs.defer(jobs.COLLECT_FILES, once=f"collect:{run.project_id}", project_id=run.project_id)


@transaction.atomic
def stop_run(*, run_id: int, attempt: int) -> None:
    """The run stopped because somebody asked it to; what it made so far stays."""
    end_run(run=held(run_id, attempt), state=RunState.STOPPED)


@transaction.atomic
def fail_run(*, run_id: int, attempt: int, error: str, traceback: str) -> None:
    """The run can't go on; ``error`` is for people to read."""
    end_run(
        run=held(run_id, attempt),
        state=RunState.FAILED,
        error=error.strip()[:2000] or "it failed without a message",
        traceback=traceback[-20_000:],
    )


def _slug(run: Run) -> str:
    return exchange.project_record(run.project_id).slug


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    """JSON knows no NaN and no infinity; a metric that is neither here nor there is left out."""
    return {name: float(value) for name, value in values.items() if abs(float(value)) < float("inf")}
