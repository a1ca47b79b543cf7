"""manage.py train: one run in the foreground, the same as the worker's."""

from __future__ import annotations

import os
import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alignment import bookkeeping, services
from alignment.core.fields import InvalidSetting
from alignment.models import Method, Run, RunState, Stage, Trigger
from alignment.patience import ending
from alignment.plans import parse_assignments
from labeling import exchange


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the run where it is safe to, instead of anywhere."""
    before = {number: signal.signal(number, lambda *_: ending.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Command(BaseCommand):
    """Prints what came out; ends with 1 when the run failed."""

    help = "Train on a project's judgements in the foreground."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Project, method, seed and any setting."""
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--method", required=True, choices=Method.values)
        parser.add_argument("--seed", type=int, help="default: the project's")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="SECTION.NAME=VALUE",
            help="any setting of a run, as in trainer.epochs=2 or direct.beta=0.05; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the run, execute it here and print the result."""
        from alignment import worker
        from alignment.artifacts import choose_device
        from alignment.patience import Interrupted

        if int(os.environ.get("WORLD_SIZE", "1")) > 1:  # each of them would make a run of its own
            raise CommandError(
                f"a launcher started {os.environ['WORLD_SIZE']} processes and a run of a project has one; start it "
                "without, or call alignment.core.trainer.train from a program of your own"
            )
        run = self._create(options)
        self.stdout.write(f"run {run.pk}: {run.get_method_display()} on project {options['project']}, seed {run.seed}")
        worker.device_of_this_worker = choose_device(0)
        try:
            with ended_by_signals():
                ended = worker.execute_run(run.pk)
        except Interrupted:
            if services.request_stop(run_id=run.pk).state == RunState.RUNNING:  # one that still waited has stopped
                run.refresh_from_db()
                bookkeeping.stop_run(run_id=run.pk, attempt=run.attempts)
            raise CommandError(f"run {run.pk} was stopped; its checkpoints stay") from None
        self._tell(ended or self._wait(run))

    def _create(self, options: dict[str, Any]) -> Run:
        slugs = {project.slug: project.id for project in exchange.all_projects()}
        if options["project"] not in slugs:
            raise CommandError(f"there is no project {options['project']!r}: there are {', '.join(slugs) or 'none'}")
        if options["seed"] is not None and options["seed"] < 0:
            raise CommandError(f"--seed is {options['seed']}: give 0 or more")
        try:
            return services.create_run(
                project_id=slugs[options["project"]],
                method=options["method"],
                trigger=Trigger.COMMAND,
                changes=parse_assignments(options["set"]),
                seed=options["seed"],
                start=False,
            )
        except (exchange.DomainError, InvalidSetting) as error:
            raise CommandError(str(error)) from error

    def _wait(self, run: Run) -> Run:
        """Another process took the run: it is the same run, so its end is waited for."""
        while run.is_open and not ending.is_set():
            sleep(0.5)
            run.refresh_from_db()
        return run

    def _tell(self, run: Run) -> None:
        if run.state == RunState.FAILED:
            raise CommandError(f"run {run.pk} failed: {run.error}")
        if run.state != RunState.FINISHED:
            raise CommandError(f"run {run.pk} is {run.state}")
        counts = run.snapshot_counts
        self.stdout.write(
            f"judgements: {counts['train']} to train on, {counts['held_out']} held out ({counts['comparisons']} "
            f"comparisons), snapshot {run.snapshot_digest[:12]}"
        )
        self._tell_accuracy(run)
        self._tell_evaluation(run)

    def _tell_accuracy(self, run: Run) -> None:
        found = run.results.get(Stage.REWARD_MODEL, {})
        if "accuracy" not in found:
            self.stdout.write("held-out accuracy: not known, no judgement of a held-out prompt yet")
            return
        self.stdout.write(
            f"held-out accuracy: {found['accuracy']:.3f} (95% interval {found['accuracy_low']:.3f} to "
            f"{found['accuracy_high']:.3f}, {found['num_comparisons']} comparisons of {found['num_prompts']} prompts)"
        )

    def _tell_evaluation(self, run: Run) -> None:
        found = run.results.get(Stage.EVALUATION)
        if not found:
            return
        verdict = f"at the gate: {found['state']}" + (f", {', '.join(found['failed'])}" if found["failed"] else "")
        self.stdout.write(
            f"policy version {run.results[Stage.POLICY]['version']}: wins {found['win_rate']:.3f} (95% interval "
            f"{found['win_rate_low']:.3f} to {found['win_rate_high']:.3f}) of {found['prompts']} "
            f"{'held-out' if found['held_out'] else 'training'} prompts against its parent, KL {found['kl']:.2f} nats; "
            f"{verdict}"
        )
        self.stdout.write(f"items written for the queue: {run.results[Stage.SAMPLING]['items']}")
