"""Our own sides: rankings by shared prefix, the same pairs in padded rows, DPO."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import torch

from alignment.core.config import DirectConfig, RewardModelConfig
from alignment.core.methods.base import Loss, Update
from alignment.core.methods.direct import Direct
from alignment.core.methods.judged import Judged
from alignment.core.methods.reward_model import RewardModel
from alignment.core.text import collate
from alignment.core.trainer import Step, train
from tests.benchmarks.training_sides.process import Turns, peak_mb
from tests.benchmarks.training_sides.workload import HEAD_SEED, Work, baseline_mb, load


class PaddedPairs(RewardModel):
    """The same comparisons as pairs, each with a row for each of its two completions."""

    def updates(self, batch: Sequence[Judged], *, generator: torch.Generator) -> Iterator[Update[Judged]]:
        """One update of all C(K,2) pairs."""
        pairs = [pair for unit in batch for pair in _pairs(unit)]
        order = torch.randperm(len(pairs), generator=generator).tolist()
        yield Update(units=[pairs[index] for index in order], counts={"loss": len(batch)})

    def size(self, units: Sequence[Judged]) -> int:
        """Tokens of the rows, padding included."""
        rows = [each for unit in units for each in unit.encoded]
        return len(rows) * max(len(row.prompt_ids) + len(row.completion_ids) for row in rows)

    def losses(self, units: Sequence[Judged]) -> Iterator[Loss]:
        """As the base class does it, but for the layout."""
        rows = [each for unit in units for each in unit.encoded]
        with self.backbone.adapter(self.adapter):
            batch = collate(rows, layout="padded", pad_id=self.backbone.pad_id).to(self.backbone.device)
            rewards = self.head(self.backbone.last_hidden(batch))
            yield Loss({"loss": self.judgement_loss(rewards[:, 0], units)})


class TimedDirect(Direct):
    """DPO that knows how long the reference's log-probabilities took, which it computes once for the whole run."""

    seconds = cpu_seconds = 0.0

    def prepare(self, examples: Sequence[Judged]) -> None:
        """As the base class does it."""
        began, cpu_began = time.perf_counter(), time.process_time()
        super().prepare(examples)
        self.seconds, self.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began


def _pairs(unit: Judged) -> list[Judged]:
    judgement = unit.judgement
    chosen = list(combinations(range(len(judgement.completions)), 2))
    return [
        Judged(
            replace(
                judgement,
                completions=(judgement.completions[i], judgement.completions[j]),
                ranks=(1, 2),
                weight=1 / len(chosen),
            ),
            (unit.encoded[i], unit.encoded[j]),
        )
        for i, j in chosen
    ]


def rankings(spec: dict[str, Any], turns: Turns) -> dict[str, Any]:
    """Reward model on rankings, each prompt computed once."""
    return _reward_model(RewardModel, spec, turns)


def pairs(spec: dict[str, Any], turns: Turns) -> dict[str, Any]:
    """Reward model on the rankings' pairs in padded rows."""
    return _reward_model(PaddedPairs, spec, turns)


def _reward_model(kind: type[RewardModel], spec: dict[str, Any], turns: Turns) -> dict[str, Any]:
    work = Work.from_json(spec)
    before = baseline_mb(work.model)
    method = kind(load(work.model), RewardModelConfig(ties="drop"), seed=HEAD_SEED)
    losses = _train(method, work, turns)
    peak = peak_mb() - before
    return {"peak_mb": peak, "losses": losses, "margins": _margins(method, work), "tokens": _tokens(method, work)}


def _margins(method: RewardModel, work: Work) -> list[float]:
    """Reward of the better less that of the worse, of each held-out pair."""
    encoded = [each for unit in method.examples(work.held_out) for each in unit.encoded]
    rewards = method.score(encoded).double()
    margins: list[float] = (rewards[0::2] - rewards[1::2]).tolist()
    return margins


def _tokens(method: RewardModel | Direct, work: Work) -> float:
    """Tokens of a step, in the mean."""
    return method.size(method.examples(work.train)) / work.steps


def dpo(spec: dict[str, Any], turns: Turns) -> dict[str, Any]:
    """DPO on pairs; what the reference costs is said apart, as it is computed before the first step."""
    work = Work.from_json(spec)
    before = baseline_mb(work.model)
    method = TimedDirect(load(work.model), DirectConfig(loss="dpo", beta=0.1))
    losses = _train(method, work, turns)
    return {
        "peak_mb": peak_mb() - before,
        "losses": losses,
        "reference_seconds": method.seconds,
        "reference_cpu_seconds": method.cpu_seconds,
        "steps": work.steps,
        "tokens": _tokens(method, work),
    }


def _train(method: RewardModel | Direct, work: Work, turns: Turns) -> list[float]:
    """Losses of the steps that the parent asked for."""

    def on_step(step: Step) -> bool:
        turns.report(loss=step.metrics["loss"])
        return not turns.wait()

    turns.wait()
    return [each["loss"] for each in train(method, work.train, work.trainer, on_step=on_step).history]
