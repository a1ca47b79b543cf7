"""What a policy writes itself and then learns from: the best of n completions by the run's reward model."""

from __future__ import annotations

import json

from alignment import writing
from alignment.clocks.pessimism import rewards_of
from alignment.core.methods.best_of_n import collect_best
from alignment.core.methods.collecting import Collected
from alignment.core.records import Demonstration, Prompt
from alignment.datasets import to_prompt
from alignment.execution import Execution
from alignment.files import write_json

AT_ONCE = 16
"""Prompts between two looks at whether the run shall stop."""


def rollout_prompts(execution: Execution) -> list[Prompt]:
    """The prompts that the run's snapshot kept for what the policy writes while it learns."""
    kept = json.loads((execution.folder / "prompts.json").read_text(encoding="utf-8"))
    return [to_prompt((role, content) for role, content in messages) for messages in kept]


def best_completions(execution: Execution) -> list[Demonstration]:
    """The best completion of each prompt, of as many prompts as training takes; the same ones after an interruption."""
    path = execution.folder / "best.json"
    if not path.is_file():
        kept = [[[[turn.role, turn.content] for turn in each.prompt], each.completion] for each in _collect(execution)]
        write_json(path, kept)
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [
        Demonstration(to_prompt((role, content) for role, content in messages), completion, source="model")
        for messages, completion in rows
    ]


def _collect(execution: Execution) -> list[Demonstration]:
    plan, backbone = execution.plan, execution.backbone
    prompts = rollout_prompts(execution)
    if plan.trainer.steps is not None:
        prompts = prompts[: plan.trainer.steps * plan.trainer.batch_size]
    generator = execution.generator(3)
    adapter = "policy" if "policy" in backbone.adapters else None  # the version that is gone on from, else the base
    found: list[Demonstration] = []
    with writing.sampler_of(backbone, adapter) as sampler:
        for start in range(0, len(prompts), AT_ONCE):
            execution.check()
            best: Collected = collect_best(
                sampler,
                prompts[start : start + AT_ONCE],
                plan.best_of_n,
                reward=rewards_of(execution),
                generator=generator,
            )
            found += best.demonstrations
    return found
