"""How long people wait for the loop with the default model: from the judgement that completes a batch on."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from alignment import requests, services, worker
from alignment.models import Method, Run, RunState
from labeling.demo import read_corpus
from labeling.models import Item, User
from labeling.services.projects import create_project
from labeling.services.prompts import add_prompts
from labeling.simulation.work import judge_items

BATCH = 50
"""Judgements of a batch, each a ranking of four."""


def measure_speed(*, say: Callable[[str], object], batch: int = BATCH) -> dict[str, Any]:
    """Seconds from the last judgement of a batch to its reward model, and to new completions in the queue.

    The second batch is timed: the first one also makes the default model, which is done once. Waking the worker, a
    second at most, is not in it.
    """
    creator, _ = User.objects.get_or_create(username="benchmark")
    slug = f"speed-{secrets.token_hex(3)}"
    project = create_project(slug=slug, creator=creator, held_out_percent=20)
    add_prompts(project=project, prompts=[row.messages for row in read_corpus()], source="benchmark")
    services.change_loop(project_id=project.pk, enabled=False, prompts_per_round=2 * batch)
    requests.fill_queue(project.pk, device="cpu")
    judge_items(project, num_labels=batch, seed=1)
    _execute(project.pk, Method.REWARD_MODEL)
    judge_items(project, num_labels=batch, seed=2)
    newest = Item.objects.filter(project=project).order_by("-pk").values_list("pk", flat=True).first() or 0
    began = time.monotonic()
    _execute(project.pk, Method.REWARD_MODEL)
    to_reward_model = time.monotonic() - began
    _execute(project.pk, None)
    to_queue = time.monotonic() - began
    new = Item.objects.filter(project=project, pk__gt=newest).count()
    if not new:
        raise RuntimeError("the run brought nothing new into the queue")
    say(f"label to reward model {to_reward_model:.1f} s, label to queue {to_queue:.1f} s ({new} new items)")
    return {
        "label_to_reward_model_s": round(to_reward_model, 1),
        "label_to_queue_s": round(to_queue, 1),
    }


def _execute(project_id: int, method: str | None) -> Run:
    made = services.create_run(project_id=project_id, method=method, start=False)
    ended = worker.execute_run(made.pk)
    if ended is None or ended.state != RunState.FINISHED:
        raise RuntimeError(f"run {made.pk} did not finish: {ended.error if ended else 'another process has it'}")
    return ended
