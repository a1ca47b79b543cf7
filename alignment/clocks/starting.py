"""Starting what is due, and what a person wants now."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from alignment import jobs
from alignment.clocks.facts import facts, last_seen
from alignment.loop import should_fill, should_refresh, should_train
from alignment.models import LoopSettings, Method, Run, RunState, Trigger
from alignment.services import create_run, ensure_loop
from labeling import exchange


@transaction.atomic
def start_if_due(*, project_id: int) -> list[Run]:
    """Start the runs of the loop whose time it is; two workers that ask at once start each one once."""
    _lock(project_id)
    known, started = facts(project_id), []
    if reason := should_refresh(known):
        started.append(_refresh(project_id, trigger=Trigger.LOOP, reason=reason))
    if reason := should_train(known):
        started.append(_train(project_id, trigger=Trigger.LOOP, reason=reason))
    return started


@transaction.atomic
def refresh_now(*, project_id: int, creator_id: int) -> Run:
    """Train a reward model on all judgements there are, although it is not time; it becomes the current one.

    Raises:
        Conflict: one is under way.
        Invalid: there are no judgements.
    """
    _lock(project_id)
    if (run := facts(project_id).refresh.open_run) is not None:
        raise _under_way(run)
    return _refresh(project_id, trigger=Trigger.PERSON, creator_id=creator_id)


@transaction.atomic
def train_now(*, project_id: int, creator_id: int) -> Run:
    """Train a policy on all judgements there are, although it is not time.

    Raises:
        Conflict: one is under way.
        Invalid: there are no judgements.
    """
    _lock(project_id)
    if (run := facts(project_id).policy.open_run) is not None:
        raise _under_way(run)
    return create_run(project_id=project_id, trigger=Trigger.PERSON, creator_id=creator_id)


@transaction.atomic
def fill_if_low(*, project_id: int, written_out: bool = False) -> bool:
    """Have policies write for the queue when it runs low; whether a job was queued.

    While a run has the device, the process that writes for conversations does it beside.
    """
    ensure_loop(project_id=project_id)
    if not should_fill(facts(project_id, written_out=written_out)):
        return False
    if Run.objects.filter(state=RunState.RUNNING).exists():
        return jobs.defer(jobs.FILL_BESIDE, once=f"fill-beside:{project_id}", project_id=project_id)
    return jobs.defer(jobs.FILL_QUEUE, once=f"fill:{project_id}", project_id=project_id)


def _lock(project_id: int) -> None:
    settings = ensure_loop(project_id=project_id)
    LoopSettings.objects.select_for_update().get(pk=settings.pk)


def _under_way(run: int) -> exchange.Conflict:
    return exchange.Conflict(_("run {run} is under way: wait for it, or stop it").format(run=run), code="under_way")


def _refresh(project_id: int, **arguments: Any) -> Run:
    return create_run(project_id=project_id, method=Method.REWARD_MODEL, **arguments)


def _train(project_id: int, **arguments: Any) -> Run:
    """On what the newest reward model has seen, so that it is not trained again for the few judgements since."""
    run = create_run(project_id=project_id, **arguments)
    run.snapshot_last = last_seen(project_id) or run.snapshot_last
    run.save(update_fields=["snapshot_last"])
    return run
