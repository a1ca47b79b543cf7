"""Training a policy: from where, how far, and whether what came out can serve at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import torch

from alignment import bookkeeping, writing
from alignment.artifacts import data_folder, folder_digest, load_policy
from alignment.core.methods.forward import logprobs_by_token
from alignment.core.methods.sft import SupervisedFineTuning
from alignment.core.records import Prompt
from alignment.core.rollout import Sampled
from alignment.core.statistics.kl import kl_budget
from alignment.execution import Execution
from alignment.learning import policy_method
from alignment.methods import RECIPES
from alignment.models import Method, Stage, Start
from alignment.patience import patiently

CHECKED_PROMPTS = 24
CHECKED_COMPLETIONS = 2
SHRINKINGS = 8
"""Halvings of the interval in which the share of an adapter lies that keeps the budget; each writes samples."""


REMEDY = "the served policy stays; train with a smaller trainer.lr, fewer steps, or a larger beta"


class PolicyUnusable(ValueError):
    """What a policy writes can't be read by anybody; says what it writes and what to do."""


def train_policy(execution: Execution) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train the policy within its KL budget and keep it as a version, a candidate."""
    plan, run, backbone = execution.plan, execution.run, execution.backbone
    started = _start(execution)
    budget = budget_of(execution)
    method, data = policy_method(execution)
    until = _beyond(execution, budget)
    trained = execution.train(Stage.POLICY, method, data, plan.trainer, until=until)
    checked = check_policy(execution, budget=budget)
    version = patiently(bookkeeping.reserve_version, run_id=run.pk, attempt=run.attempts)
    path = f"policies/{execution.project.slug}/{version}"
    backbone.save_adapter("policy", data_folder(path))
    policy = patiently(
        bookkeeping.register_policy,
        run_id=run.pk,
        attempt=run.attempts,
        version=version,
        path=path,
        digest=folder_digest(data_folder(path)),
        base_digest=backbone.digest,
    )
    return {
        "version": version,
        "policy": policy.pk,
        "path": path,
        "digest": policy.digest,
        "started_from": started,
        "steps": trained.steps,
        "loss": trained.metrics["loss"],
        "kl": checked.kl,
        "kl_budget": budget,
        "share": checked.share,
        "ended_by_budget": until is not None and until(trained.metrics),
    }, {}


def _start(execution: Execution) -> str:
    """Put the weights in place that training starts from; which ones these are."""
    plan, run = execution.plan, execution.run
    if plan.start.weights == Start.PARENT and run.parent is not None and run.parent.path:
        load_policy(execution.backbone, run.parent, name="policy")
        return f"version {run.parent.version}"
    written = execution.snapshot.written
    if plan.start.weights == Start.SFT and run.method != Method.SFT and len(written) >= plan.start.least_demonstrations:
        method = SupervisedFineTuning(execution.backbone, plan.sft, seed=run.seed)
        # Steps are those of policy training: demonstrations are gone through as often as the epochs say.
        execution.train(Stage.DEMONSTRATIONS, method, list(written), replace(plan.trainer, steps=None))
        return f"{len(written)} demonstrations"
    return "the base"


def budget_of(execution: Execution) -> float | None:
    """Nats per completion that the policy may be from the reference, by the judgements it learns from; None: any."""
    nats = execution.plan.start.kl_budget
    return None if nats is None else kl_budget(nats, judgements=len(execution.snapshot.train))


def _beyond(execution: Execution, budget: float | None) -> Callable[[Mapping[str, float]], bool] | None:
    """Whether a step's rollouts are beyond the budget; methods without rollouts are looked at when they are done."""
    if budget is None or not RECIPES[execution.run.method].rolls_out:
        return None
    most = budget
    return lambda metrics: metrics.get("kl", 0.0) > most


@dataclass(frozen=True)
class Checked:
    """What samples of a new policy show.

    Attributes:
        kl: nats per completion to the reference, as it is kept.
        share: of what was trained that is kept; 1 is all.
    """

    kl: float
    share: float


def check_policy(execution: Execution, *, budget: float | None) -> Checked:
    """Let the new policy write, refuse one that writes nothing or forever, and bring it back into its KL budget.

    Where its KL is above the budget its adapter is scaled down, which leads to the reference in a straight line, to the
    largest share whose samples keep the budget (as Lin et al., 2023, average weights against forgetting).

    Raises:
        PolicyUnusable: all it writes is empty, or none of it ends, though the reference writes and ends; or it went so
            far that nothing is left of it within the budget.
    """
    prompts = _prompts(execution)
    written = _write(execution, prompts, adapter="policy")
    _refuse_unusable(written, lambda: _write(execution, prompts, adapter=None))
    kl = _kl(execution, written)
    if budget is None or kl <= budget:
        return Checked(kl, 1.0)
    whole = {name: each.detach().clone() for name, each in execution.backbone.named_parameters("policy").items()}
    low, high, found = 0.0, 1.0, 0.0
    for _ in range(SHRINKINGS):
        share = (low + high) / 2
        scale_adapter(execution, whole, share=share)
        now = _kl(execution, _write(execution, prompts, adapter="policy"))
        low, high, found = (share, high, now) if now <= budget else (low, share, found)
    if not low:
        raise PolicyUnusable(
            f"the new policy is {kl:.0f} nats from the reference, and no share of what it learned keeps the budget of "
            f"{budget:.2g}; {REMEDY}"
        )
    scale_adapter(execution, whole, share=low)
    return Checked(found, low)


def scale_adapter(execution: Execution, whole: Mapping[str, torch.Tensor], *, share: float) -> None:
    """Set the policy's adapter to a share of itself: the second matrix of each pair is scaled, the first one stays."""
    scaled = {name: each * share if "lora_B" in name else each for name, each in whole.items()}
    execution.backbone.load_parameters("policy", scaled)


def _prompts(execution: Execution) -> list[Prompt]:
    return list(dict.fromkeys(judgement.prompt for judgement in execution.snapshot.train))[:CHECKED_PROMPTS]


def _write(execution: Execution, prompts: Sequence[Prompt], *, adapter: str | None) -> list[Sampled]:
    groups = writing.write(
        execution.backbone,
        prompts,
        adapter=adapter,
        sampling=execution.plan.sampling,
        completions=CHECKED_COMPLETIONS,
        generator=execution.generator(5),
        check=execution.check,
    )
    return [each for group in groups for each in group]


def _kl(execution: Execution, written: Sequence[Sampled]) -> float:
    """KL(policy || reference) in nats per completion, from samples of the policy."""
    encoded = [each.encoded() for each in written]
    here = {"temperature": execution.plan.sampling.temperature}
    policy = logprobs_by_token(execution.backbone, encoded, adapter="policy", **here)
    reference = logprobs_by_token(execution.backbone, encoded, adapter=None, **here)
    return fmean(float((p - r).sum()) for p, r in zip(policy, reference, strict=True))


def _refuse_unusable(written: Sequence[Sampled], reference: Callable[[], list[Sampled]]) -> None:
    empty = not any(each.text.strip() for each in written)
    endless = not any(each.ended for each in written)
    if not empty and not endless:
        return
    usual = reference()
    if empty and any(each.text.strip() for each in usual):
        raise PolicyUnusable(f"the new policy writes nothing: all of its {len(written)} samples are empty; {REMEDY}")
    ending = fmean(each.ended for each in usual)
    if endless and ending >= 0.25:
        raise PolicyUnusable(
            f"the new policy never ends: none of its {len(written)} samples does, {ending:.0%} of the reference's do; "
            f"{REMEDY}"
        )
