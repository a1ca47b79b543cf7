"""Do rounds of the loop raise what the annotators truly want? Simulated annotators know the answer exactly.

For each seed: a project of its own; the base model (the SFT policy) fills the queue; then rounds of simulated
judgements through the services and a run of the loop. At the end the base and every version write for held-out prompts,
which nobody judged and nothing was trained on, and the hidden true reward scores what they wrote.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import stats

from alignment import requests, services, worker, writing
from alignment.artifacts import load_base, load_policy
from alignment.datasets import to_prompt
from alignment.models import Evaluation, Policy, Run, RunState
from alignment.plans import Plan
from alignment.promotion import promote
from labeling import exchange
from labeling.demo import read_corpus
from labeling.models import Project, User
from labeling.services.projects import create_project
from labeling.services.prompts import add_prompts
from labeling.simulation.truth import reward
from labeling.simulation.work import judge_items

SETTINGS = {"seeds": 5, "rounds": 3, "labels": 40, "completions": 4, "samples": 4, "prompts": 96}


def run(*, say: Callable[[str], object], **settings: int) -> dict[str, Any]:
    """True reward by version, and the gain of the last over the first with a 95 % interval over seeds (Student's t)."""
    began = time.monotonic()
    worlds = [run_world(seed, say=say, **settings) for seed in range(settings["seeds"])]
    gains = np.array([world["true_reward"][-1] - world["true_reward"][0] for world in worlds])
    half = 0.0
    if len(gains) > 1:
        half = float(stats.t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains)))
    return {
        **settings,
        "gain": {"mean": float(gains.mean()), "low": float(gains.mean()) - half, "high": float(gains.mean()) + half},
        "worlds": worlds,
        "seconds": round(time.monotonic() - began, 1),
    }


def run_world(seed: int, *, say: Callable[[str], object], **settings: int) -> dict[str, Any]:
    """One seed: rounds of judgements and runs, then the true reward of each version on unseen prompts."""
    began = time.monotonic()
    project = make_project(seed, completions=settings["completions"], prompts_per_round=settings["labels"])
    requests.fill_queue(project.pk, device="cpu")
    for number in range(1, settings["rounds"] + 1):
        worked = judge_items(project, num_labels=settings["labels"], seed=seed * 100 + number)
        made = services.create_run(project_id=project.pk, seed=seed, start=False)
        ended = worker.execute_run(made.pk)
        if ended is None or ended.state != RunState.FINISHED:
            raise RuntimeError(f"run {made.pk} did not finish: {ended.error if ended else 'another process has it'}")
        # What learning brings is measured here, and not the gate, which asks people for many more judgements.
        promote(policy_id=Policy.objects.get(run=made.pk).pk)
        say(f"seed {seed}, round {number}: {worked.labels} labels, {time.monotonic() - began:.0f} s")
    return {"seed": seed, **true_rewards(project, seed=seed, **settings), "seconds": round(time.monotonic() - began, 1)}


def make_project(seed: int, *, completions: int, prompts_per_round: int) -> Project:
    """A project with all prompts of the corpus and nothing judged; a fifth of the prompts is held out."""
    creator, _ = User.objects.get_or_create(username="benchmark")
    slug = f"rounds-{seed}-{secrets.token_hex(3)}"
    project = create_project(
        slug=slug, creator=creator, name=slug, completions_per_item=completions, held_out_percent=20
    )
    add_prompts(project=project, prompts=[row.messages for row in read_corpus()], source="benchmark")
    services.change_loop(project_id=project.pk, enabled=False, prompts_per_round=prompts_per_round, seed=seed)
    return project


def true_rewards(project: Project, *, seed: int, samples: int, prompts: int, **_: int) -> dict[str, Any]:
    """Mean true reward of the base and of each version that served, in their order, and their KL to the base."""
    last = Run.objects.filter(project=project.pk).order_by("-pk").first()
    assert last is not None
    plan = Plan.from_dict(last.config)
    records = exchange.prompts(project.pk, held_out=True, limit=prompts)
    backbone = load_base(lora=plan.lora, device="cpu")
    served = Policy.objects.filter(project=project.pk, promoted__isnull=False).order_by("version")
    means = []
    for policy in served:
        groups = writing.write(
            backbone,
            [to_prompt(record.messages) for record in records],
            adapter=load_policy(backbone, policy, name=f"past/{policy.version}"),
            sampling=plan.sampling,
            completions=samples,
            generator=torch.Generator().manual_seed(seed),
        )
        means.append(
            float(
                np.mean(
                    [
                        reward([{"role": role, "content": content} for role, content in record.messages], each.text)
                        for record, group in zip(records, groups, strict=True)
                        for each in group
                    ]
                )
            )
        )
    return {
        "versions": [policy.version for policy in served],
        "true_reward": means,
        "kl": [
            Evaluation.objects.filter(policy=policy).values_list("kl", flat=True).first() or 0.0 for policy in served
        ],
    }
