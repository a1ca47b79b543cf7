"""How good a reward model is on held-out judgements, and a policy against others on held-out prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from alignment import writing
from alignment.artifacts import load_policy
from alignment.core.evaluation import Accuracy, accuracy_with_ties, win_rate
from alignment.core.methods.forward import logprobs_by_token
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement, Prompt
from alignment.core.rollout import Sampled
from alignment.core.text import Encoded
from alignment.datasets import to_prompt
from alignment.execution import Execution
from alignment.models import Policy, Stage
from alignment.patience import patiently
from labeling import exchange


def held_out_accuracy(
    model: RewardModel | PreferenceModel, judgements: Sequence[Judgement], *, seed: int
) -> Accuracy | None:
    """Share of held-out comparisons that the model decides as people did, each weighted 1/C(K,2); None without any."""
    compared = [(judgement, comparison) for judgement in judgements for comparison in judgement.comparisons()]
    if not compared:
        return None
    pairs = [
        (judgement.prompt, judgement.completions[each.first], judgement.completions[each.second])
        for judgement, each in compared
    ]
    names = {prompt: number for number, prompt in enumerate(dict.fromkeys(prompt for prompt, _, _ in pairs))}
    return accuracy_with_ties(
        _leads(model, pairs),
        [each.outcome for _, each in compared],
        [names[prompt] for prompt, _, _ in pairs],
        seed=seed,
        weights=[each.weight for _, each in compared],
    )


def _leads(model: RewardModel | PreferenceModel, pairs: Sequence[tuple[Prompt, str, str]]) -> list[float]:
    """How far the first completion of each pair is ahead of the second; the sign decides."""
    if isinstance(model, PreferenceModel):
        preferences: list[float] = (model.probabilities(pairs) - 0.5).tolist()
        return preferences
    texts = list(dict.fromkeys((prompt, text) for prompt, *both in pairs for text in both))
    rewards = dict(zip(texts, model.rewards(texts).tolist(), strict=True))
    return [rewards[prompt, first] - rewards[prompt, second] for prompt, first, second in pairs]


@dataclass(frozen=True)
class Summary:
    """What the run keeps of its evaluation."""

    held_out: bool
    prompts: int
    win_rate: float
    win_rate_low: float
    win_rate_high: float
    reward: float
    reward_against: float
    kl: float
    length: float
    eos_rate: float
    eos_rate_before: float


@dataclass(frozen=True)
class Compared:
    """Rows to be stored, the verdict against the parent, and what the gate's guards look at.

    Attributes:
        sides: the new version first.
        records: the prompts that all of them wrote for.
        kl: of each of the new version's completions, nats.
    """

    evaluations: list[dict[str, Any]]
    samples: list[dict[str, Any]]
    summary: Summary
    sides: list[Side]
    records: list[exchange.PromptRecord]
    kl: list[float]


@dataclass
class Side:
    """One policy's completions of the evaluation prompts."""

    policy: Policy
    groups: list[list[Sampled]]
    rewards: list[list[float]] = field(default_factory=list)

    @property
    def means(self) -> list[float]:
        return [fmean(group) for group in self.rewards]

    @property
    def together(self) -> list[Sampled]:
        return [each for group in self.groups for each in group]

    @property
    def eos_rate(self) -> float:
        return fmean(each.ended for each in self.together)

    @property
    def length(self) -> float:
        return fmean(len(each.ids) for each in self.together)


def compare_policies(execution: Execution, policy: Policy) -> Compared:
    """Let the new version, its parent, the base and what serves write for the same prompts, and compare their rewards.

    The rewards are those of the run's own reward model, which saw no judgement of these prompts. With fewer than two
    held-out prompts training prompts stand in, and the summary says so.
    """
    plan, run = execution.plan, execution.run
    base = patiently(Policy.objects.get, project=run.project_id, version=1)
    parent = policy.parent or base
    records, held_out = _prompts(execution)
    prompts = [to_prompt(record.messages) for record in records]
    sides = []
    serving = patiently(Policy.objects.get, project=run.project_id, is_serving=True)
    for number, each in enumerate(dict.fromkeys((policy, parent, base, serving))):
        side = Side(each, _write(execution, each, prompts))
        encoded = [sampled.encoded() for sampled in side.together]
        rewards = execution.reward_model.score(encoded).tolist()
        width = plan.evaluation.completions
        side.rewards = [rewards[start : start + width] for start in range(0, len(rewards), width)]
        sides.append(side)
        values = {"reward": fmean(rewards), "length": side.length, "eos_rate": side.eos_rate, "version": each.version}
        execution.report(Stage.EVALUATION, [(number + 1, values)])
        execution.check()
    kl = _kl(execution, [each.encoded() for each in sides[0].together])
    evaluations = [_evaluation(sides[0], other, kl=fmean(kl), seed=run.seed) for other in sides[1:]]
    return Compared(
        evaluations=evaluations,
        samples=[row for side in sides for row in _samples(side, records)],
        summary=_summary(evaluations[0], sides[1], held_out=held_out),
        sides=sides,
        records=records,
        kl=kl,
    )


def _prompts(execution: Execution) -> tuple[list[exchange.PromptRecord], bool]:
    limit = execution.plan.evaluation.prompts
    held_out = patiently(exchange.prompts, execution.run.project_id, held_out=True, limit=limit)
    if len(held_out) > 1:
        return held_out, True
    return patiently(exchange.prompts, execution.run.project_id, held_out=False, limit=limit), False


def _write(execution: Execution, policy: Policy, prompts: Sequence[Any]) -> list[list[Sampled]]:
    name = "policy" if policy.run_id == execution.run.pk else f"version-{policy.version}"
    return writing.write(
        execution.backbone,
        prompts,
        adapter=load_policy(execution.backbone, policy, name=name),
        sampling=execution.plan.sampling,
        completions=execution.plan.evaluation.completions,
        # The same random numbers for every side: what differs comes from the policies.
        generator=execution.generator(2),
        check=execution.check,
    )


def _kl(execution: Execution, encoded: list[Encoded]) -> list[float]:
    """The log-ratio of each completion to the reference, nats; their mean is KL(policy || reference)."""
    temperature = execution.plan.sampling.temperature
    here = {"temperature": temperature}
    policy = logprobs_by_token(execution.backbone, encoded, adapter="policy", **here)
    reference = logprobs_by_token(execution.backbone, encoded, adapter=None, **here)
    return [float((p - r).sum()) for p, r in zip(policy, reference, strict=True)]


def _evaluation(new: Side, other: Side, *, kl: float, seed: int) -> dict[str, Any]:
    rate = win_rate(new.means, other.means, seed=seed).overall
    return {
        "against": other.policy,
        "num_prompts": len(new.groups),
        "win_rate": rate.estimate,
        "win_rate_low": rate.low,
        "win_rate_high": rate.high,
        "reward": fmean(new.means),
        "reward_against": fmean(other.means),
        "kl": kl,
        "length": new.length,
        "length_against": other.length,
        "eos_rate": new.eos_rate,
    }


def _summary(evaluation: dict[str, Any], parent: Side, *, held_out: bool) -> Summary:
    names = ("win_rate", "win_rate_low", "win_rate_high", "reward", "reward_against", "kl", "length", "eos_rate")
    return Summary(
        held_out=held_out,
        prompts=evaluation["num_prompts"],
        eos_rate_before=parent.eos_rate,
        **{name: evaluation[name] for name in names},
    )


def _samples(side: Side, records: Sequence[exchange.PromptRecord]) -> list[dict[str, Any]]:
    return [
        {
            "policy": side.policy,
            "prompt_id": record.id,
            "text": writing.storable(each.text),
            "ended": each.ended,
            "logprob": each.logprob,
            "reward": reward,
        }
        for record, group, rewards in zip(records, side.groups, side.rewards, strict=True)
        for each, reward in zip(group, rewards, strict=True)
    ]
