"""What a run does, stage by stage. Each may be cut off anywhere and begun again; a finished one is not repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from alignment import bookkeeping, writing
from alignment.artifacts import data_folder, folder_digest, run_folder
from alignment.asking.rounds import hand_over, write_round
from alignment.clocks import reward_models
from alignment.clocks.policies import train_policy
from alignment.comparing import compare_policies, held_out_accuracy
from alignment.core.evaluation import Accuracy
from alignment.core.methods.model_files import save_model
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.execution import Execution
from alignment.files import write_json
from alignment.gating.limits import FRONT
from alignment.gating.measuring import guard
from alignment.gating.opening import bring_to_gate
from alignment.gating.second import train_second
from alignment.methods import RECIPES
from alignment.models import Method, Policy, Stage
from alignment.models import RewardModel as RewardModelRow
from alignment.patience import patiently
from alignment.seeing.repeating import bring_copies, reward_model_of
from alignment.selectors import current_reward_model, loop_settings
from labeling import exchange

MOST_ROLLOUT_PROMPTS = 5000


def execute(execution: Execution) -> None:
    """All stages of a run that are not finished yet, in their order.

    Raises:
        Interrupted, StopRequested: the process has to end, or the run was asked to stop.
        Exception: whatever went wrong; the run can't go on.
    """
    for stage in RECIPES[execution.run.method].stages:
        if stage in execution.run.results:
            continue
        run_id, attempt = execution.run.pk, execution.run.attempts
        patiently(bookkeeping.start_stage, run_id=run_id, attempt=attempt, stage=stage)
        execution.check()
        result, fields = _DO[stage](execution)
        execution.run = patiently(
            bookkeeping.finish_stage, run_id=run_id, attempt=attempt, stage=stage, result=result, **fields
        )
    patiently(bookkeeping.finish_run, run_id=execution.run.pk, attempt=execution.run.attempts)


Done = tuple[dict[str, Any], dict[str, Any]]
"""What a stage found, and fields of the run that it sets."""


def take_snapshot(execution: Execution) -> Done:
    """Fix what the run learns from: judgements, and the prompts that it writes for where it does."""
    if execution.run.repeats_id is not None:
        bring_copies(original=run_folder(execution.run.repeats_id), folder=execution.folder)
    snapshot = execution.snapshot
    result: dict[str, Any] = dict(snapshot.counts)
    if RECIPES[execution.run.method].rolls_out:
        path = execution.folder / "prompts.json"
        if not path.is_file():
            records = patiently(exchange.prompts, execution.run.project_id, held_out=False, limit=MOST_ROLLOUT_PROMPTS)
            write_json(path, [[list(message) for message in record.messages] for record in records])
        result["rollout_prompts"] = len(json.loads(path.read_text(encoding="utf-8")))
    return result, {"snapshot_digest": snapshot.digest, "snapshot_counts": snapshot.counts}


def have_reward_model(execution: Execution) -> Done:
    """Use the project's current reward model where it has seen what the run has, else train one."""
    run = execution.run
    if run.repeats_id is not None:
        before = patiently(reward_model_of, run)
        return train_reward_model(execution) if before is None else _reuse(execution, before)
    current = patiently(current_reward_model, run.project_id)
    if run.method == Method.REWARD_MODEL or execution.plan.rewards.model == "own" or current is None:
        return train_reward_model(execution)
    # One that is older than the newest was chosen by a person, who rolled back: that is not undone in passing.
    chosen = patiently(RewardModelRow.objects.filter(project=run.project_id, number__gt=current.number).exists)
    if current.run.snapshot_last < run.snapshot_last and not chosen:
        return train_reward_model(execution)
    return _reuse(execution, current)


def _reuse(execution: Execution, model: RewardModelRow) -> Done:
    run = execution.run
    patiently(reward_models.use, run_id=run.pk, attempt=run.attempts, model=model)
    found = {name: getattr(model, name) for name in ("number", "path", "digest", "base_digest")}
    if model.accuracy is not None:
        found |= {name: getattr(model, name) for name in ACCURACY}
    return {**found, "reused": True}, {"rewarded_by": model}


def train_reward_model(execution: Execution) -> Done:
    """Train a reward model on all comparisons, and say how often it agrees with held-out judgements."""
    plan, run, snapshot = execution.plan, execution.run, execution.snapshot
    model = RewardModel(execution.backbone, plan.reward_model, seed=run.seed)
    trained = execution.learn_rewards(model, snapshot.train)
    prompts = list(dict.fromkeys(judgement.prompt for judgement in snapshot.train))
    prompts = prompts[: plan.reward_model.normalise_samples // 2]
    written = writing.write(
        execution.backbone,
        prompts,
        adapter=None,
        sampling=plan.sampling,
        completions=2,
        generator=execution.generator(1),
        check=execution.check,
    )
    model.normalise([(prompt, each.text) for prompt, group in zip(prompts, written, strict=True) for each in group])
    accuracy = held_out_accuracy(model, snapshot.held_out, seed=run.seed)
    path = f"reward_models/{execution.project.slug}/{run.pk}"
    save_model(model, data_folder(path))
    fields: dict[str, Any] = {"path": path, "digest": folder_digest(data_folder(path))}
    fields["base_digest"] = execution.backbone.digest
    if accuracy is not None:
        fields |= _in_fields(accuracy)
    fields["members"] = plan.reward_model.members
    is_own = run.method != Method.REWARD_MODEL and plan.rewards.model == "own"
    on_purpose = is_own or run.repeats_id is not None
    row = patiently(reward_models.register, run_id=run.pk, attempt=run.attempts, on_purpose=on_purpose, **fields)
    execution.reward_model = model
    train_second(execution, row, after=trained.steps)
    found = {**fields, "number": row.number, "steps": trained.steps, "loss": trained.metrics["loss"]}
    return found, {"rewarded_by": row}


def train_preference_model(execution: Execution) -> Done:
    """Train P(y beats y' | x) on all comparisons, and say how often it agrees with held-out judgements."""
    plan, run, snapshot = execution.plan, execution.run, execution.snapshot
    model = PreferenceModel(execution.backbone, plan.preference_model, seed=run.seed)
    trained = execution.train(Stage.PREFERENCE_MODEL, model, snapshot.train, plan.reward_trainer)
    path = f"preference_models/{execution.project.slug}/{run.pk}"
    save_model(model, data_folder(path))
    result: dict[str, Any] = {"path": path, "digest": folder_digest(data_folder(path))}
    result |= {"steps": trained.steps, "loss": trained.metrics["loss"]}
    accuracy = held_out_accuracy(model, snapshot.held_out, seed=run.seed)
    execution.preference_model = model
    return result | (_in_fields(accuracy) if accuracy is not None else {}), {}


ACCURACY = ("accuracy", "accuracy_low", "accuracy_high", "num_comparisons", "num_prompts")


def _in_fields(accuracy: Accuracy) -> dict[str, Any]:
    return {
        "accuracy": accuracy.overall.estimate,
        "accuracy_low": accuracy.overall.low,
        "accuracy_high": accuracy.overall.high,
        "num_comparisons": accuracy.num_comparisons,
        "num_prompts": accuracy.num_prompts,
    }


def evaluate_policy(execution: Execution) -> Done:
    """Compare the new version with others on held-out prompts, hold it against the guards, and bring it to the gate."""
    run_id, attempt = execution.run.pk, execution.run.attempts
    policy = patiently(Policy.objects.select_related("parent").get, run=execution.run)
    comparison = compare_policies(execution, policy)
    patiently(
        bookkeeping.record_evaluation,
        run_id=run_id,
        attempt=attempt,
        policy=policy,
        comparisons=comparison.evaluations,
        samples=comparison.samples,
    )
    guarded = guard(execution, comparison)
    promotion = patiently(
        bring_to_gate, run_id=run_id, attempt=attempt, policy=policy, guards=guarded.found, identical=guarded.identical
    )
    failed = [each["name"] for each in guarded.found if each["passed"] is False]
    shown = patiently(
        exchange.add_completions,
        project_id=execution.run.project_id,
        policy_version=policy.version,
        sampled=guarded.worst,
        priority=FRONT,
    )
    found = {"state": promotion.state, "cause": promotion.cause} if promotion else {"state": "promoted", "cause": ""}
    return {**asdict(comparison.summary), **found, "failed": failed, "worst_items": shown}, {}


def fill_the_queue(execution: Execution) -> Done:
    """Let the versions of the pool write for the prompts that were written for least, and put that into the queue."""
    plan, run = execution.plan, execution.run
    if not plan.sampling.prompts:
        return {"items": 0}, {}
    path = execution.folder / "round.json"
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
    else:
        settings = patiently(loop_settings, run.project_id)
        seed = execution.generator(3).initial_seed() % 2**40
        kept = write_round(settings, execution.backbone, sampling=plan.sampling, seed=seed, check=execution.check)
        # What was written is kept before it is handed over: begun again, the same goes into the queue and nothing else.
        write_json(path, kept)
    items = patiently(hand_over, run.project_id, kept)
    return {"items": items, "version": kept["version"]}, {}


_DO: dict[Stage, Callable[[Execution], Done]] = {
    Stage.SNAPSHOT: take_snapshot,
    Stage.REWARD_MODEL: have_reward_model,
    Stage.PREFERENCE_MODEL: train_preference_model,
    Stage.POLICY: train_policy,
    Stage.EVALUATION: evaluate_policy,
    Stage.SAMPLING: fill_the_queue,
}
