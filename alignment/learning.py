"""The method that trains a run's policy, made from its settings and earlier stages, with the data it learns from."""

from __future__ import annotations

from typing import Any

from alignment.artifacts import data_folder, load_policy
from alignment.clocks.pessimism import preferences_of, rewards_of
from alignment.collecting import best_completions, rollout_prompts
from alignment.core.methods.direct import Direct
from alignment.core.methods.nash import PAST, NashMD
from alignment.core.methods.ppo import PPO
from alignment.core.methods.reinforce import Reinforce
from alignment.core.methods.sft import SupervisedFineTuning
from alignment.datasets import demonstrations
from alignment.execution import Execution
from alignment.methods import RECIPES
from alignment.models import Policy
from alignment.patience import patiently

MOST_PAST_POLICIES = 4
"""Opponents that a run of Nash-MD against past policies has at most; each is an adapter in memory."""


def policy_method(execution: Execution) -> tuple[Any, Any]:
    """What trains the policy of a run, on the adapter `policy`, and its examples."""
    plan, backbone, seed = execution.plan, execution.backbone, execution.run.seed
    snapshot = execution.snapshot
    match RECIPES[execution.run.method].section:
        case "sft":
            return SupervisedFineTuning(backbone, plan.sft, seed=seed), demonstrations(snapshot)
        case "best_of_n":
            return SupervisedFineTuning(backbone, plan.sft, seed=seed), best_completions(execution)
        case "ppo":
            shown = demonstrations(snapshot) if plan.ppo.ptx_weight else []
            reward = rewards_of(execution)
            return PPO(backbone, plan.ppo, reward=reward, demonstrations=shown, seed=seed), rollout_prompts(execution)
        case "reinforce":
            reward = rewards_of(execution)
            return Reinforce(backbone, plan.reinforce, reward=reward, seed=seed), rollout_prompts(execution)
        case "nash_md":
            return _nash_md(execution), rollout_prompts(execution)
    return Direct(backbone, plan.direct, seed=seed, reference_folder=data_folder("reference")), snapshot.train


def _nash_md(execution: Execution) -> NashMD:
    config, past = execution.plan.nash_md, None
    if config.opponent == "past":
        versions = patiently(_past_versions, execution)
        past = [load_policy(execution.backbone, version, name=f"{PAST}{version.version}") for version in versions]
    preference = preferences_of(execution)
    return NashMD(execution.backbone, config, preference=preference, past=past, seed=execution.run.seed)


def _past_versions(execution: Execution) -> list[Policy]:
    """The newest that served before the run, version 1 among them as the reference."""
    run = execution.run
    served = Policy.objects.filter(project=run.project_id, created__lt=run.created, promoted__isnull=False)
    return list(served.order_by("-version")[:MOST_PAST_POLICIES])
