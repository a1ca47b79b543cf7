"""Doing a run again: the same settings, judgements, seed and parent, to see whether the same weights come out."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from alignment.models import Method, Policy, RewardModel, Run, Stage, Trigger
from alignment.services import hand_to_worker
from alignment.versions import code_version
from labeling import exchange

COPIED = ("snapshot.jsonl.gz", "prompts.json")
"""Of a run's folder: what it learned from, and what it wrote for."""


@transaction.atomic
def repeat_run(*, run_id: int, creator_id: int | None = None, start: bool = True) -> Run:
    """Queue a run once more with the same settings, judgements, seed and parent: on a CPU it gives the same weights.

    A policy learns from the same reward model again; a reward model that is trained again does not become the current
    one.

    Args:
        start: False leaves the execution to the caller.

    Raises:
        Conflict: it has not ended, so that there is nothing to be the same as; or its project is archived.
    """
    run = Run.objects.select_for_update().get(pk=run_id)
    exchange.refuse_archived(run.project_id)
    if run.is_open:
        refusal = _("run {run} is {state}: it can be repeated when it has ended")
        raise exchange.Conflict(refusal.format(run=run_id, state=run.state))
    again = Run.objects.create(
        project_id=run.project_id,
        method=run.method,
        trigger=Trigger.PERSON,
        reason=f"repeats run {run.pk}",
        creator_id=creator_id,
        parent_id=run.parent_id,
        config=run.config,
        seed=run.seed,
        code_version=code_version(),
        snapshot_last=run.snapshot_last,
        snapshot_digest=run.snapshot_digest,
        rewarded_by_id=None if run.method == Method.REWARD_MODEL else run.rewarded_by_id,
        repeats=run,
    )
    if start:
        hand_to_worker(run_id=again.pk)
    exchange.publish(exchange.project_record(run.project_id).slug, "run", run=again.pk, state=again.state)
    return again


def bring_copies(*, original: Path, folder: Path) -> None:
    """Bring what the repeated run read, where it is still there: judgements may weigh something else by now."""
    for name in COPIED:
        if (original / name).is_file() and not (folder / name).exists():
            partial = folder / f"{name}.partial"
            shutil.copyfile(original / name, partial)
            partial.replace(folder / name)


def reward_model_of(run: Run) -> RewardModel | None:
    """The reward model that a repeated run used; None where it has to be trained again."""
    model = run.rewarded_by if run.repeats_id is not None else None
    return model if model is not None and model.removed is None else None


@dataclass(frozen=True, slots=True)
class Sameness:
    """A run beside the one that it repeats; ``is_same`` is None while there is nothing to compare."""

    original: int
    is_same: bool | None
    digest: str
    original_digest: str
    is_same_code: bool


def sameness(run: Run) -> Sameness | None:
    """Whether a run gave the weights of the one that it repeats; None for one that repeats none."""
    original = run.repeats
    if original is None:
        return None
    digest, before = _digest(run), _digest(original)
    return Sameness(
        original=original.pk,
        is_same=digest == before if digest and before else None,
        digest=digest,
        original_digest=before,
        is_same_code=run.code_version == original.code_version,
    )


def _digest(run: Run) -> str:
    """Of the weights that a run made: its policy's, else its reward or preference model's."""
    policy = Policy.objects.filter(run=run).values_list("digest", flat=True).first()
    if policy:
        return str(policy)
    stages = (Stage.PREFERENCE_MODEL, Stage.REWARD_MODEL)
    return next((str(run.results[stage].get("digest", "")) for stage in stages if stage in run.results), "")
