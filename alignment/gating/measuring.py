"""The figures that the guards look at: what a candidate and the served policy wrote, and what models say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from alignment import writing
from alignment.artifacts import data_folder, load_policy
from alignment.comparing import Compared, Side
from alignment.core.methods.model_files import load_model
from alignment.core.methods.reward_model import RewardModel
from alignment.core.rollout import Sampled
from alignment.core.text import Encoded
from alignment.datasets import to_prompt
from alignment.execution import Execution
from alignment.gating import guards
from alignment.gating.guards import Found, Written
from alignment.gating.limits import Limits
from alignment.gating.settings import gate_settings, limits_of
from alignment.models import GateSettings, Policy, SecondRewardModel
from alignment.patience import patiently
from labeling import exchange
from labeling.exchange import gate as exchange_gate

MOST_LABELED = 128
"""Judged completions that the deviation is compared with."""
MOST_REGRESSION = 64
"""Prompts of the regression set that are written for."""
SHOWN = 1000
"""Characters of a sample that the page of the gate shows."""
TOLERANCE = 1e-5
"""Nats between the log-probabilities of a completion under two policies that are the same."""


@dataclass(frozen=True)
class Guarded:
    """What the guards found.

    Attributes:
        found: as plain values, each with the samples that showed a failure.
        identical: the candidate does what the served version does, to the last digit.
        worst: groups to be judged first: a sample that showed a failure, and what the served version wrote there.
    """

    found: list[dict[str, Any]]
    identical: bool
    worst: list[list[exchange.Sampled]]


def guard(execution: Execution, compared: Compared) -> Guarded:
    """Hold a run's new version against the limits of its project."""
    settings = patiently(gate_settings, execution.run.project_id)
    limits, seed = limits_of(settings), execution.run.seed
    ours = compared.sides[0]
    theirs = next(side for side in compared.sides[1:] if side.policy.is_serving)
    second = patiently(_second, execution)
    judge = None
    if second is not None:  # under a name of its own: the run may have trained it under another
        judge = load_model(RewardModel, execution.backbone, data_folder(second.path), adapter="guard")
    candidate = _written(execution, ours, compared, second=judge, kl=compared.kl)
    served = _written(execution, theirs, compared, second=judge)
    judgements = second.num_judgements if second else 0
    labeled = _labeled_deviation(execution) if candidate.deviation else []
    found = [
        _own_reward(compared, theirs.policy),
        guards.held_out_reward(candidate, served, limits=limits, judgements=judgements, seed=seed),
        guards.kl(candidate, limits=limits, judgements=len(execution.snapshot.train), seed=seed),
        guards.overoptimised(
            candidate, served, labeled=labeled, limits=limits, judgements=len(execution.snapshot.train), seed=seed
        ),
        guards.length(candidate, served, limits=limits, seed=seed),
        guards.eos(candidate, served, limits=limits, seed=seed),
        guards.repetition(candidate, served, limits=limits, seed=seed),
        guards.deviation(candidate, served, labeled=labeled, limits=limits, seed=seed),
    ]
    shown = [_with_samples(each, ours, theirs, compared) for each in found]
    groups = _groups(execution, found, ours, theirs, compared)
    again, lost = _regression(execution, (ours.policy, theirs.policy), settings, limits, judge)
    return Guarded([*shown, again], _identical(ours, theirs), groups + lost)


def _own_reward(compared: Compared, served: Policy) -> Found:
    row = next(each for each in compared.evaluations if each["against"] == served)
    interval = {"low": row["win_rate_low"], "high": row["win_rate_high"]}
    return guards.own_reward(win_rate=row["win_rate"], prompts=row["num_prompts"], **interval)


def _second(execution: Execution) -> SecondRewardModel | None:
    return SecondRewardModel.objects.filter(reward_model=execution.run.rewarded_by).first()


def _written(
    execution: Execution, side: Side, compared: Compared, *, second: RewardModel | None, kl: Sequence[float] = ()
) -> Written:
    together = side.together
    encoded = [each.encoded() for each in together]
    return Written(
        prompts=_prompts(side, compared),
        lengths=[len(each.ids) for each in together],
        ended=[each.ended for each in together],
        repetition=[guards.share_repeated(each.ids) for each in together],
        kl=kl,
        deviation=_deviation(execution, encoded),
        second=second.score(encoded).tolist() if second else (),
    )


def _prompts(side: Side, compared: Compared) -> list[int]:
    return [record.id for record, group in zip(compared.records, side.groups, strict=True) for _ in group]


def _deviation(execution: Execution, encoded: list[Encoded]) -> list[float]:
    """Of the heads of the reward model on each completion, nats; none where it has one head."""
    if execution.reward_model.config.members < 2 or not encoded:
        return []
    found: list[float] = execution.reward_model.member_rewards(encoded).std(dim=1).tolist()
    return found


def _labeled_deviation(execution: Execution) -> list[float]:
    """The same on judged completions: on those of held-out prompts where there are enough, as with the samples."""
    snapshot = execution.snapshot
    held_out = [(each.prompt, text) for each in snapshot.held_out for text in each.completions]
    trained = [(each.prompt, text) for each in snapshot.train for text in each.completions]
    pairs = list(dict.fromkeys(held_out if len(held_out) >= MOST_LABELED // 4 else held_out + trained))[:MOST_LABELED]
    template = execution.backbone.template
    return _deviation(execution, [template.encode(prompt, [text])[0] for prompt, text in pairs])


def _identical(ours: Side, theirs: Side) -> bool:
    """With the same random numbers two policies that are the same write the same, equally probable."""
    if ours.policy.digest == theirs.policy.digest:
        return True
    return all(
        tuple(mine.ids) == tuple(other.ids) and abs((mine.logprob or 0.0) - (other.logprob or 0.0)) < TOLERANCE
        for mine, other in zip(ours.together, theirs.together, strict=True)
    )


def _with_samples(found: Found, ours: Side, theirs: Side, compared: Compared) -> dict[str, Any]:
    """With the texts that showed the failure, and what the served version wrote for the same prompt."""
    prompts, width = _prompts(ours, compared), max(1, len(ours.groups[0]))
    samples = [
        {
            "prompt": prompts[place],
            "text": writing.storable(ours.together[place].text)[:SHOWN],
            "before": writing.storable(theirs.groups[place // width][0].text)[:SHOWN],
        }
        for place in found.worst
    ]
    return {**found.as_dict(), "samples": samples}


def _groups(
    execution: Execution, found: Sequence[Found], ours: Side, theirs: Side, compared: Compared
) -> list[list[exchange.Sampled]]:
    prompts, width = _prompts(ours, compared), max(1, len(ours.groups[0]))
    found_at = dict.fromkeys(place for each in found for place in each.worst)
    return [
        _group(
            execution,
            prompts[place],
            (ours.policy, ours.together[place]),
            (theirs.policy, theirs.groups[place // width][0]),
        )
        for place in found_at
    ]


def _group(
    execution: Execution, prompt: int, mine: tuple[Policy, Sampled], other: tuple[Policy, Sampled]
) -> list[exchange.Sampled]:
    sampling, seed = execution.plan.sampling, execution.run.seed
    found = []
    for policy, each in (mine, other):
        [[row]] = writing.rows([prompt], [[each]], sampling=sampling, seed=seed)
        [sampled] = writing.as_sampled([row])
        found.append(replace(sampled, policy_version=policy.version))
    return found


def _regression(
    execution: Execution,
    sides: tuple[Policy, Policy],
    settings: GateSettings,
    limits: Limits,
    second: RewardModel | None,
) -> tuple[dict[str, Any], list[list[exchange.Sampled]]]:
    """The fixed set: a prompt is lost when its mean reward fell by more than the margin.

    The reward is the second model's where there is one, else the run's own.
    """
    project = execution.run.project_id
    records = patiently(exchange_gate.tagged_prompts, project, settings.regression_tag, limit=MOST_REGRESSION)
    if not records:
        return {**guards.regression([], [], limits=limits).as_dict(), "samples": []}, []
    judge = second or execution.reward_model
    written = [
        writing.write(
            execution.backbone,
            [to_prompt(record.messages) for record in records],
            adapter=load_policy(execution.backbone, policy, name=_adapter(execution, policy)),
            sampling=execution.plan.sampling,
            completions=execution.plan.evaluation.completions,
            generator=execution.generator(5),
            check=execution.check,
        )
        for policy in sides
    ]
    rewards = [[fmean(judge.score([each.encoded() for each in group]).tolist()) for group in side] for side in written]
    found = guards.regression(*rewards, limits=limits)
    first = [[group[0] for group in side] for side in written]
    samples = [
        {
            "prompt": records[place].id,
            "text": writing.storable(first[0][place].text)[:SHOWN],
            "before": writing.storable(first[1][place].text)[:SHOWN],
        }
        for place in found.worst
    ]
    groups = [
        _group(execution, records[place].id, (sides[0], first[0][place]), (sides[1], first[1][place]))
        for place in found.worst
    ]
    return {**found.as_dict(), "samples": samples, "by": "second" if second else "own"}, groups


def _adapter(execution: Execution, policy: Policy) -> str:
    return "policy" if policy.run_id == execution.run.pk else f"version-{policy.version}"
