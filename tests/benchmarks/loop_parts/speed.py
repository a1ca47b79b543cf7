"""How long people wait for the loop with the default model: from the judgement that completes a batch on.

The real way: judgements go through the services that the pages use, a worker process of its own hears of them,
refreshes the reward model, trains the policy, holds it against the guards and fills the queue, all with the settings of
a new project. Only the clock is the benchmark's.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Q

from alignment.artifacts import base_model, data_folder
from alignment.clocks.facts import POLICIES, REFRESHES, facts
from alignment.models import OPEN_STATES, Run, RunState, Stage
from alignment.services import ensure_loop
from labeling.demo import read_corpus
from labeling.models import Item, Label, Project, Purpose, User
from labeling.services.projects import create_project
from labeling.services.prompts import add_prompts
from labeling.simulation.work import judge_items
from tests.benchmarks.labeling_load.cost import spent
from tests.benchmarks.labeling_load.web import database_url

T = TypeVar("T")
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 900.0


def measure_speed(*, say: Callable[[str], object], batches: int = 1) -> dict[str, Any]:
    """Seconds from the last judgement of a batch to its reward model, and to new completions in the queue.

    The first batch is not timed: for it the worker loads its libraries. Medians, where there are several batches.

    Args:
        batches: that are timed.
    """
    base_model()  # made once in an installation, by `make run` before anybody can wait
    project = _project()
    found = []
    with working() as worker:
        _wait(lambda: facts(project.pk).open_slots > 0 and not _open(project), "the queue is empty")
        for number in range(batches + 1):
            timed = _batch(project, worker=worker.pid, seed=number)
            say(
                f"batch {number}: label to reward model {timed['label_to_reward_model_s']:.1f} s, to queue "
                f"{timed['label_to_queue_s']:.1f} s ({timed['items']} items)"
            )
            found.append(timed)
    names = ("label_to_reward_model_s", "label_to_queue_s")
    return {**{name: round(median(each[name] for each in found[1:]), 1) for name in names}, "batches": found}


@contextmanager
def working() -> Iterator[subprocess.Popen[bytes]]:
    """A worker as `make run` starts it, on the database and in the folder of this process."""
    environment = {
        **os.environ,
        "DATA_DIR": str(settings.DATA_DIR),
        "DATABASE_URL": database_url(),
        "SECRET_KEY": settings.SECRET_KEY,
    }
    command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "worker", "--queues", "training"]
    with (
        (data_folder("speed-worker.log")).open("ab") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def _project() -> Project:
    creator, _ = User.objects.get_or_create(username="benchmark")
    project = create_project(slug=f"speed-{secrets.token_hex(3)}", creator=creator)
    add_prompts(project=project, prompts=[row.messages for row in read_corpus()], source="benchmark")
    ensure_loop(project_id=project.pk)
    return project


def _batch(project: Project, *, worker: int, seed: int) -> dict[str, Any]:
    """Judge until one judgement is missing, then start the clock with that one."""
    before = facts(project.pk)
    _judge(project, before.judgements_per_refresh - before.new_judgements - 1, seed=2 * seed)
    newest = Run.objects.filter(project=project).order_by("-pk").values_list("pk", flat=True).first() or 0
    newest_item = Item.objects.filter(project=project).order_by("-pk").values_list("pk", flat=True).first() or 0
    _judge(project, 1, seed=2 * seed + 1)
    began, before_it = time.monotonic(), _processor_seconds(worker)
    stages: dict[str, float] = {}

    def ended(kind: Q) -> Run | None:
        run = Run.objects.filter(kind, project=project, pk__gt=newest).first()
        if run is not None and run.stage:
            stages.setdefault(f"{run.method}: {run.get_stage_display()}", round(time.monotonic() - began, 2))
        if run is None or run.is_open:
            return None
        if run.state != RunState.FINISHED:
            raise RuntimeError(f"run {run.pk} did not finish: {run.error}")
        return run

    _wait(lambda: ended(REFRESHES), "the reward model was not refreshed")
    to_reward_model, at_reward_model = time.monotonic() - began, _processor_seconds(worker)
    trained = _wait(lambda: ended(POLICIES), "no policy was trained")
    to_queue, at_queue = time.monotonic() - began, _processor_seconds(worker)
    items = trained.results[Stage.SAMPLING]["items"]
    version = trained.results[Stage.POLICY]["version"]
    new = Item.objects.filter(project=project, pk__gt=newest_item, entries__completion__policy_version=version)
    if not items or not new.exists():
        raise RuntimeError(f"run {trained.pk} brought nothing of its own into the queue")
    return {
        "label_to_reward_model_s": to_reward_model,
        "label_to_queue_s": to_queue,
        "processor_to_reward_model_s": _less(at_reward_model, before_it),
        "processor_to_queue_s": _less(at_queue, before_it),
        "items": items,
        "began": stages,
    }


def _judge(project: Project, number: int, *, seed: int) -> None:
    """So many judgements that are learned from, through the services; pairs of the gate come between them.

    What is asked may run out for a moment, until the worker has written more.
    """
    until, wanted = time.monotonic() + PATIENCE_SECONDS, _learned_from(project) + number
    while _learned_from(project) < wanted:
        seed += 1_000_003
        if judge_items(project, num_labels=1, seed=seed).labels:
            continue
        if time.monotonic() > until:
            raise RuntimeError(f"the queue ran dry: {_learned_from(project)} of {wanted} judgements were asked for")
        time.sleep(LOOK_SECONDS)


def _learned_from(project: Project) -> int:
    judged = Label.objects.filter(assignment__item__project=project)
    return judged.filter(assignment__item__purpose=Purpose.TRAINING).count()


def _processor_seconds(worker: int) -> float | None:
    """Of the worker and the database: what the wait costs where nobody else is at work on the machine."""
    found = spent(web=[worker])
    return None if found is None else found["web"] + found["database"]


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else round(after - before, 2)


def _open(project: Project) -> bool:
    return Run.objects.filter(project=project, state__in=OPEN_STATES).exists()


def _wait(look: Callable[[], T | None], problem: str) -> T:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(LOOK_SECONDS)
    raise RuntimeError(f"{problem} in {PATIENCE_SECONDS:.0f} s: see {data_folder('speed-worker.log')}")
