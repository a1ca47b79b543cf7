"""One loop for all methods: order, accumulation, clipping, schedule, checkpoints, exact resume.

Several processes that a launcher has started train together: see ``processes`` for how, and for the launch lines.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from alignment.core.checkpoints import DIGEST, CheckpointError, latest, load_checkpoint, save_checkpoint
from alignment.core.config import TrainerConfig
from alignment.core.methods.base import Method, Update
from alignment.core.running import sharding
from alignment.core.running.accumulation import Accumulation
from alignment.core.running.determinism import reproducible
from alignment.core.running.identity import first_difference, identity_of, require_agreement
from alignment.core.running.memory import watched
from alignment.core.running.metering import Meter
from alignment.core.running.processes import add_up_gradients, everywhere, on_first, same_everywhere, team, together
from alignment.core.running.schedule import batch_at, learning_rate_factor, step_generator, total_steps


class NonFiniteLoss(RuntimeError):
    """The loss or its gradient is no finite number; the update that had it was not made, the last checkpoint stays."""


@dataclass(frozen=True)
class Step:
    """What `on_step` is told after each step; `step` counts from 1."""

    step: int
    total: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        steps: steps done, those before a resume included.
        metrics: of the last step.
        history: of every step.
        stopped: whether `on_step` ended it early.
        checkpoint: the last checkpoint, when there is a folder for them.
    """

    steps: int
    metrics: dict[str, float]
    history: list[dict[str, float]] = field(repr=False)
    stopped: bool
    checkpoint: Path | None


@reproducible()
@together()
def train(
    method: Method[Any, Any, Any],
    data: Sequence[Any],
    config: TrainerConfig,
    *,
    on_step: Callable[[Step], bool | None] | None = None,
    resume_from: Path | str | None = None,
    until: Callable[[Mapping[str, float]], bool] | None = None,
) -> RunResult:
    """Train a method on data.

    The same method, data, config and seed give the same weights on a CPU, in one go or resumed from any checkpoint.
    Several processes call this with the same arguments; an error of one of them is raised in all of them.

    Args:
        on_step: called after each step, in the first process only; True stops the run.
        resume_from: a checkpoint of the same run, or its checkpoint folder: then the newest whole one.
        until: training is complete after a step whose metrics it says so of; a resumed run asks it of its last step.

    Raises:
        ValueError: no data, the checkpoint is of another run, or the processes were given different things.
        NonFiniteLoss: the loss or a gradient is NaN or infinite; the last checkpoint stays.
        alignment.core.checkpoints.CheckpointError: the checkpoint is damaged.
    """
    if not data:
        raise ValueError(f"there is nothing to train {method.name} on: the data is empty")
    with watched(allowed=config.halve_when_out_of_memory) as halvings:
        run = _Run(method, data, config, halvings=halvings.amounts)
        run.start(None if resume_from is None else Path(resume_from))
        stopped = _take_steps(run, on_step=on_step, until=until)
    return RunResult(
        steps=run.step,
        metrics=run.history[-1] if run.history else {},
        history=run.history,
        stopped=stopped,
        checkpoint=run.checkpoint,
    )


def _take_steps(
    run: _Run,
    *,
    on_step: Callable[[Step], bool | None] | None,
    until: Callable[[Mapping[str, float]], bool] | None,
) -> bool:
    """Steps to the end, or until `on_step` stops the run, and its checkpoints; whether it was stopped."""
    stopped = False
    hidden = team().rank != 0 or not sys.stderr.isatty()
    with tqdm(total=run.total, initial=run.step, desc=run.method.name, unit="step", disable=hidden) as bar:
        while run.step < run.total and not stopped and not on_first(partial(_is_enough, run, until)):
            metrics = run.advance()
            bar.update()
            bar.set_postfix({"loss": f"{metrics['loss']:.4g}"}, refresh=False)
            step = Step(step=run.step, total=run.total, metrics=metrics)
            stopped = on_first(partial(_stopped_by, on_step, step))
            if on_first(run.checkpoint_is_due):
                run.save()
    run.save()
    return stopped


class _Run:
    """The state of one run: what a checkpoint holds."""

    def __init__(
        self,
        method: Method[Any, Any, Any],
        data: Sequence[Any],
        config: TrainerConfig,
        *,
        halvings: Mapping[str, float],
    ) -> None:
        self.method, self.config, self.halvings = method, config, halvings
        self.examples = method.examples(data)
        self.total = total_steps(config, count=len(self.examples))
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.accumulation = Accumulation(method, micro_batch_tokens=config.micro_batch_tokens)
        self.checkpoint: Path | None = None
        self.saved_step, self.saved_at = -1, time.monotonic()
        self.identity = identity_of(method, data, config)
        require_agreement(self.identity)
        used = sorted({index for step in range(self.total) for index in self._indices(step)})
        method.prepare([self.examples[index] for index in used])
        self.groups = method.parameter_groups()
        self.parameters = [each for group in self.groups for each in group.parameters]
        same_everywhere(self.parameters)
        self.optimizer = torch.optim.AdamW(
            [{"params": list(group.parameters), "lr": config.lr} for group in self.groups],
            eps=config.adam_epsilon,
            weight_decay=config.weight_decay,
            foreach=False if sharding.in_use() else None,  # not over sharded and whole parameters at once
        )

    def _indices(self, step: int) -> list[int]:
        return batch_at(self.config, step=step, count=len(self.examples))

    def advance(self) -> dict[str, float]:
        """One step: a batch, and the updates that the method makes of it."""
        batch = [self.examples[index] for index in self._indices(self.step)]
        factor = learning_rate_factor(self.config, step=self.step, total=self.total)
        for group, settings in zip(self.groups, self.optimizer.param_groups, strict=True):
            settings["lr"] = self.config.lr * factor * group.lr_factor
        meter = Meter()
        generator = step_generator(seed=self.config.seed, step=self.step)
        torch.manual_seed(generator.initial_seed())  # dropout, where there is any, is the same after a resume
        with closing(self.method.updates(batch, generator=generator)) as updates:  # type: ignore[type-var]  # a generator
            for update in updates:
                self._update(update, meter)
        self.step += 1
        metrics = meter.means() | {"lr": self.config.lr * factor} | _least(everywhere(lambda: dict(self.halvings)))
        self.history.append(metrics)
        return metrics

    def _update(self, update: Update[Any], meter: Meter) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        learn = partial(self.accumulation.gradients, update, here=team())
        mine, *others = everywhere(learn, in_step=sharding.in_use())
        for other in others:
            mine.take_in(other)
        add_up_gradients(self.parameters)
        self._clip(mine, prefix="grad_norm")
        values = mine.means()
        wrong = [name for name, value in values.items() if _must_be_finite(name) and not math.isfinite(value)]
        if wrong:
            raise NonFiniteLoss(
                f"{self.method.name}: {wrong[0]} is {values[wrong[0]]} at step {self.step + 1}, in the batch of "
                f"examples {self._indices(self.step)}; look at these, or lower lr (now {self.config.lr})"
            )
        self.optimizer.step()
        meter.merge(mine, also=update.also)
        meter.add_values(update.metrics)

    def _clip(self, meter: Meter, *, prefix: str) -> None:
        for role in dict.fromkeys(group.role for group in self.groups):
            parameters = [each for group in self.groups if group.role == role for each in group.parameters]
            norm = sharding.clip_gradients(parameters, most=self.config.max_grad_norm)
            meter.add_values({f"{prefix}/{role}": float(norm)})

    def checkpoint_is_due(self) -> bool:
        """Whether enough steps or seconds went by since the last checkpoint."""
        every, seconds = self.config.checkpoint_every_steps, self.config.checkpoint_every_seconds
        by_steps = every is not None and self.step % every == 0
        return by_steps or (seconds is not None and time.monotonic() - self.saved_at >= seconds)

    def save(self) -> None:
        """Write a checkpoint, if there is a folder for it and anything new; the first process does."""
        if self.config.checkpoint_folder is None or self.saved_step == self.step:
            return
        state = {
            "identity": self.identity,
            "step": self.step,
            "history": self.history,
            "method": sharding.whole(self.method.state_dict()),
            "optimizer": sharding.whole(self.optimizer.state_dict()),
        }
        folder = Path(self.config.checkpoint_folder)
        self.checkpoint = on_first(lambda: save_checkpoint(folder, state, step=self.step))
        self.saved_step, self.saved_at = self.step, time.monotonic()

    def start(self, resume_from: Path | None) -> None:
        """Begin, or go on from a checkpoint of this run, or from the newest whole one in a folder of them.

        Raises:
            ValueError: the folder for checkpoints holds those of an earlier run, which would be taken for this one's.
        """
        own = self.config.checkpoint_folder
        if resume_from is not None:
            folder = on_first(lambda: _newest(resume_from))
            everywhere(lambda: self._load(folder))
        elif own is not None and (there := on_first(lambda: latest(Path(own)))) is not None:
            raise ValueError(
                f"{there} is there already; give resume_from to go on from it, or another checkpoint_folder"
            )

    def _load(self, folder: Path) -> None:
        state = load_checkpoint(folder)
        if differing := first_difference(state["identity"], self.identity):
            name, theirs, mine = differing
            raise ValueError(f"{folder} is a checkpoint of another run: its {name} is {theirs}, here it is {mine}")
        self.method.load_state_dict(state["method"])
        self.optimizer.load_state_dict(sharding.optimizer_state_like(state["optimizer"], self.parameters))
        self.step, self.history = state["step"], list(state["history"])
        self.saved_step, self.checkpoint = self.step, folder


def _newest(folder: Path) -> Path:
    if (folder / DIGEST).exists() or not folder.is_dir():
        return folder
    found = latest(folder)
    if found is None:
        raise CheckpointError(f"there is no whole checkpoint in {folder}; leave resume_from out to begin anew")
    return found


def _least(amounts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The smallest amount by name over the processes."""
    names = sorted({name for each in amounts for name in each})
    return {name: min(each[name] for each in amounts if name in each) for name in names}


def _is_enough(run: _Run, until: Callable[[Mapping[str, float]], bool] | None) -> bool:
    return until is not None and bool(run.history) and until(run.history[-1])


def _stopped_by(on_step: Callable[[Step], bool | None] | None, step: Step) -> bool:
    return bool(on_step and on_step(step))


def _must_be_finite(name: str) -> bool:
    return name == "loss" or name.startswith(("loss/", "grad_norm/"))
