"""The worker: executes runs and survives what may happen to it, to others and to the database."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import close_old_connections
from procrastinate.contrib.django import app

from alignment import bookkeeping, jobs, requests
from alignment.clocks.reasons import readable
from alignment.clocks.retention import collect
from alignment.core.trainer import Step
from alignment.execution import Execution, StopRequested
from alignment.gating import pairs
from alignment.locks import Locks, device_lock, run_lock
from alignment.models import Run, Stage
from alignment.patience import AWAY, Interrupted, ending, go_on, patiently
from alignment.stages import execute
from alignment.taking import GoOnLater
from labeling import exchange

logger = logging.getLogger(__name__)

locks = Locks()
device_of_this_worker = "cpu"
"""Set by the command, from its slot."""
written_out: dict[int, bool] = {}
"""Projects for which the served version has nothing new to write; forgotten when a version is promoted."""


@app.task(name=jobs.EXECUTE_RUN, queue=jobs.QUEUE, retry=GoOnLater())
def execute_run_job(run_id: int) -> None:
    """The job of a run."""
    execute_run(run_id)


@app.task(name=jobs.FILL_QUEUE, queue=jobs.QUEUE, retry=GoOnLater())
def fill_queue_job(project_id: int) -> None:
    """The job that keeps a queue from running dry."""
    with on_device() as device:
        try:
            written_out[project_id] = not requests.fill_queue(project_id, device=device, check=go_on)
        except exchange.NotFound as gone:
            logger.info("nothing to fill: %s", gone)


@app.task(name=jobs.WRITE_SAMPLES, queue=jobs.QUEUE, retry=GoOnLater())
def write_samples_job(project_id: int, prompt_id: int, versions: list[int]) -> None:
    """The job behind "write once more" of the sample browser."""
    with on_device() as device:
        try:
            requests.write_samples(project_id, prompt_id, versions=versions, device=device, check=go_on)
        except exchange.NotFound as gone:
            logger.info("nothing to write for: %s", gone)


@app.task(name=jobs.EVALUATE_BLINDLY, queue=jobs.QUEUE, retry=GoOnLater())
def evaluate_blindly_job(evaluation_id: int) -> None:
    """The job of a blind evaluation; a failure is kept with it, for its page to say."""
    try:
        with on_device() as device:
            requests.evaluate_blindly(evaluation_id, device=device, check=go_on)
    except (Interrupted, *AWAY):
        raise
    except Exception as error:
        logger.exception("blind evaluation %d failed", evaluation_id)
        said = str(error) or type(error).__name__
        patiently(bookkeeping.end_blind_evaluation, evaluation_id=evaluation_id, error=said)


@app.task(name=jobs.ASK_PAIRS, queue=jobs.QUEUE, retry=GoOnLater())
def ask_pairs_job(promotion_id: int, is_watch: bool) -> None:
    """The job that has people asked about a candidate; a failure is kept with it, for the page of the gate to say."""
    try:
        with on_device() as device:
            pairs.write_pairs(promotion_id, is_watch=is_watch, device=device, check=go_on)
    except (Interrupted, *AWAY):
        raise
    except Exception as error:
        logger.exception("nobody can be asked for promotion %d", promotion_id)
        patiently(pairs.fail, promotion_id=promotion_id, error=str(error) or type(error).__name__)


@app.task(name=jobs.COLLECT_FILES, queue=jobs.QUEUE, retry=GoOnLater())
def collect_files_job(project_id: int) -> None:
    """The job after each run: files of old versions that nothing needs any more are removed."""
    found = patiently(collect, project_id)
    if found:
        logger.info("project %d: removed %s", project_id, found)


@contextmanager
def on_device() -> Iterator[str]:
    """Hold the device: one training run per GPU at a time, in whatever process.

    Raises:
        Interrupted: the process has to end before the device was free.
    """
    name = device_lock(f"{socket.gethostname()} {device_of_this_worker}")
    if not locks.wait(name, given_up=ending.is_set):
        raise Interrupted
    try:
        yield device_of_this_worker
    finally:
        locks.release(name)
        close_old_connections()


def execute_run(run_id: int, *, on_step: Callable[[Stage, Step], None] | None = None) -> Run | None:
    """Execute a run to its end, or to where it is stopped; a run that another process has is left to it.

    A failure ends the run with its reason and is not raised. Returns the run as it stands then, None when it was not
    this process's to execute.

    Raises:
        Interrupted: this process has to end; the run stays open and goes on from its checkpoint in the next one.
    """
    if not _lock(run_id):
        logger.info("run %d is executed by another process", run_id)
        return None
    try:
        with on_device() as device:
            run = patiently(bookkeeping.take_run, run_id=run_id)
            if run is None:
                return None
            _execute(Execution(run, interrupted=ending.is_set, on_step=on_step, device=device))
            return patiently(Run.objects.get, pk=run_id)
    finally:
        locks.release(run_lock(run_id))


def _lock(run_id: int, *, seconds: float = 2.0) -> bool:
    """The run's lock; a process that looks for orphans may hold it for a moment."""
    until = time.monotonic() + seconds
    return locks.wait(run_lock(run_id), given_up=lambda: time.monotonic() > until or ending.is_set())


def _execute(execution: Execution) -> None:
    held = {"run_id": execution.run.pk, "attempt": execution.run.attempts}
    logger.info("run %d (%s), attempt %d", execution.run.pk, execution.run.method, execution.run.attempts)
    try:
        execute(execution)
        logger.info("run %d finished", execution.run.pk)
    except bookkeeping.RunTaken as taken:
        logger.warning("%s", taken)
    except StopRequested:
        patiently(bookkeeping.stop_run, **held)
    except (Interrupted, *AWAY):
        logger.info("run %d is interrupted and goes on from its checkpoint", execution.run.pk)
        raise
    except Exception as error:
        logger.exception("run %d failed", execution.run.pk)
        _fail(held, error)


def _fail(held: dict[str, int], error: Exception) -> None:
    """The one place where a failure is caught: it ends the run and nothing else."""
    try:
        patiently(
            bookkeeping.fail_run, **held, error=readable(error), traceback="".join(traceback.format_exception(error))
        )
    except bookkeeping.RunTaken as taken:
        logger.warning("%s", taken)
