"""A run in the hands of a worker: what it is made from, what it has loaded, and how it tells of itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch

from alignment import bookkeeping
from alignment.artifacts import data_folder, load_base, load_reward_model, run_folder
from alignment.core.backbone import Backbone
from alignment.core.checkpoints import latest
from alignment.core.config import TrainerConfig
from alignment.core.methods.model_files import load_model
from alignment.core.methods.posterior import fit_heads
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement
from alignment.core.trainer import RunResult, Step, train
from alignment.datasets import Snapshot, open_snapshot, set_aside
from alignment.models import Run, Stage
from alignment.patience import Interrupted, patiently
from alignment.plans import Plan
from alignment.seeing.event_log import EventLog
from alignment.selectors import base_digest
from labeling import exchange

REPORT_SECONDS = 0.3
"""Steps are reported together at this interval: a page needs no more, and training isn't held up."""


@dataclass(frozen=True)
class Beside:
    """A model that a stage trains beside its own: its metrics are ``name/metric``, and come ``after`` so many steps."""

    name: str
    after: int


class StopRequested(Exception):
    """A person asked the run to stop."""


@dataclass
class Execution:
    """One attempt at a run.

    Args:
        interrupted: whether this process has to end; asked at every step.
        on_step: for the bar of the foreground command.
    """

    run: Run
    interrupted: Callable[[], bool] = lambda: False
    on_step: Callable[[Stage, Step], None] | None = None
    device: str | None = None
    _reported: float = field(default=0.0, init=False)
    _stop: bool = field(default=False, init=False)

    @cached_property
    def plan(self) -> Plan:
        """What the run is set to."""
        return Plan.from_dict(self.run.config)

    @cached_property
    def project(self) -> exchange.ProjectRecord:
        """The run's project."""
        return patiently(exchange.project_record, self.run.project_id)

    @cached_property
    def folder(self) -> Path:
        """The run's own folder."""
        folder = run_folder(self.run.pk)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @cached_property
    def events(self) -> EventLog:
        """The run's log for TensorBoard."""
        return EventLog(self.folder)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The judgements of the run, the same ones at every attempt."""
        whole = patiently(
            open_snapshot,
            self.run.project_id,
            up_to=self.run.snapshot_last,
            folder=self.folder,
            digest=self.run.snapshot_digest,
        )
        aside = self.plan.evaluation
        return set_aside(whole, percent=aside.second_share, least=aside.second_least)

    @cached_property
    def backbone(self) -> Backbone:
        """The base model, loaded once, refused when the project's policies belong to another."""
        known = patiently(base_digest, self.run.project_id)
        backbone = load_base(lora=self.plan.lora, device=self.device, known=known)
        patiently(bookkeeping.confirm_base, project_id=self.run.project_id, digest=backbone.digest)
        return backbone

    @cached_property
    def reward_model(self) -> RewardModel:
        """The reward model of this run: the current one, or one that it trained, in this attempt or an earlier one."""
        row = self.run.rewarded_by
        assert row is not None, "the stage of the reward model has set it"
        return load_reward_model(self.backbone, row)

    @cached_property
    def preference_model(self) -> PreferenceModel:
        """The preference model that this run trained, in this attempt or an earlier one."""
        folder = data_folder(self.run.results[Stage.PREFERENCE_MODEL]["path"])
        return load_model(PreferenceModel, self.backbone, folder)

    def generator(self, offset: int) -> torch.Generator:
        """Random numbers of the run's seed; a different offset for each use."""
        return torch.Generator().manual_seed((self.run.seed * 1_000_003 + offset) % 2**63)

    def check(self) -> None:
        """Leave, where it is safe to, when the process has to end or the run was asked to stop.

        Raises:
            Interrupted, StopRequested: see there.
        """
        if self.interrupted():
            raise Interrupted
        if self._stop:
            raise StopRequested

    def report(self, stage: Stage, steps: list[tuple[int, Mapping[str, float]]]) -> None:
        """Store metrics and hear whether the run shall stop."""
        self._stop = patiently(
            bookkeeping.record_metrics, run_id=self.run.pk, attempt=self.run.attempts, stage=stage, steps=steps
        )
        self.events.write(stage, steps)
        self._reported = time.monotonic()

    def train(
        self,
        stage: Stage,
        method: object,
        data: object,
        config: TrainerConfig,
        *,
        until: Callable[[Mapping[str, float]], bool] | None = None,
        beside: Beside | None = None,
    ) -> RunResult:
        """Train with checkpoints and reports, from the newest checkpoint on when there is one.

        Args:
            until: training is complete after a step whose metrics it says so of.
            beside: what is trained is not the stage's own model, but this one.

        Raises:
            Interrupted, StopRequested: after a checkpoint was written.
        """
        folder = self.folder / (f"{beside.name}_{stage}" if beside else stage)
        config = replace(config, checkpoint_folder=str(folder), seed=self.run.seed)
        waiting: list[tuple[int, Mapping[str, float]]] = []

        def heard(step: Step) -> bool:
            waiting.append((step.step, step.metrics))
            if self.on_step is not None and beside is None:
                self.on_step(stage, step)
            if time.monotonic() - self._reported >= REPORT_SECONDS or step.step == step.total:
                self.report(stage, _called(waiting, beside))
                waiting.clear()
            return self._stop or self.interrupted()

        where = {"on_step": heard, "resume_from": latest(folder), "until": until}
        result = train(method, data, config, **where)  # type: ignore[arg-type]  # each method has its own data
        # Steps between the last report and a kill are in the checkpoint only: the whole history is written once more.
        self.report(stage, _called(list(enumerate(result.history, start=1)), beside))
        if result.stopped:
            self.check()
        return result

    def learn_rewards(
        self, model: RewardModel, data: Sequence[Judgement], *, beside: Beside | None = None
    ) -> RunResult:
        """Train a reward model; where its features are frozen, fit it at once: that takes seconds and no checkpoint.

        Args:
            beside: it is not the run's own one, but this one beside it.

        Raises:
            Interrupted, StopRequested: see there.
        """
        if not model.is_frozen:
            return self.train(Stage.REWARD_MODEL, model, data, self.plan.reward_trainer, beside=beside)
        result = fit_heads(model, data, seed=self.run.seed)
        self.report(Stage.REWARD_MODEL, _called(list(enumerate(result.history, start=1)), beside))
        self.check()
        return result


def _called(
    steps: list[tuple[int, Mapping[str, float]]], beside: Beside | None
) -> list[tuple[int, Mapping[str, float]]]:
    """Steps as they are reported: those of a model beside the run's own come after its, under names of their own."""
    if beside is None:
        return list(steps)
    named = [{f"{beside.name}/{name}": value for name, value in values.items()} for _, values in steps]
    return [(beside.after + step, values) for (step, _), values in zip(steps, named, strict=True)]
