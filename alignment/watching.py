"""What a worker does beside its jobs: it starts what is due, and puts back what a dead worker left."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection
from procrastinate.contrib.django import app, connector_params
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import ConnectorException

from alignment import jobs, services
from alignment.asking import stale
from alignment.clocks.starting import fill_if_low, start_if_due
from alignment.gating import deciding
from alignment.locks import Locks, run_lock
from alignment.models import OPEN_STATES, Run
from alignment.patience import AWAY, ending
from alignment.seeing import standings
from labeling import exchange

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""All projects are looked at this often, whatever was heard."""
REFRESH_SECONDS = 10.0
"""Figures of the projects that were heard of are brought up to date this often, those of all at each look."""
KEEP_SECONDS = 5.0
"""The locks are checked this often; runs of dead workers are found then too."""
IGNORED = {"metric", "samples", "presence"}


class Watcher(threading.Thread):
    """Hears of new judgements by NOTIFY and starts runs and fillings; looks by itself too, because NOTIFY may be lost.

    Args:
        locks: of this process; when the database was away and another worker took this one's slot, the process ends.
        written_out: projects for which the served version has nothing new to write.
    """

    def __init__(self, locks: Locks, *, written_out: dict[int, bool]) -> None:
        super().__init__(name="watcher", daemon=True)
        self.locks, self.written_out = locks, written_out
        self._looked, self._kept, self._refreshed = 0.0, 0.0, 0.0
        self._unrefreshed: set[str] = set()
        self._suspects: set[int] = set()

    def run(self) -> None:
        """Watch until the process ends; the database may go away in between."""
        pause = 0.2
        while not ending.is_set():
            try:
                with psycopg.connect(**connector_params(), autocommit=True) as listening:
                    listening.execute(f"LISTEN {exchange.CHANNEL}")
                    self._looked, pause = 0.0, 0.2
                    while not ending.is_set():
                        self._turn(listening)
            except (psycopg.OperationalError, ConnectorException, *AWAY) as error:
                logger.warning(
                    "watching: the database is away: %s", str(error).splitlines()[0] if str(error) else error
                )
                connection.close()
                ending.wait(pause)
                pause = min(pause * 2, 5.0)
        connection.close()

    def _hear(self, listening: psycopg.Connection[Any]) -> set[str]:
        """Projects in which something happened."""
        heard: set[str] = set()
        for notify in listening.notifies(timeout=0.5, stop_after=100):
            event = exchange.parse_event(notify.payload)
            if event.name == "policy":
                self.written_out.clear()
            if event.name not in IGNORED:
                heard.add(event.project)
        return heard

    def _turn(self, listening: psycopg.Connection[Any]) -> None:
        heard = self._hear(listening)
        now = time.monotonic()
        if now - self._kept >= KEEP_SECONDS:
            self._kept = now
            if any(name.startswith("prefloop worker") for name in self.locks.keep()):
                logger.error("another worker took this one's place while the database was away: ending")
                ending.set()
                return
            self._suspects = put_back(self.locks, suspects=self._suspects)
        self._unrefreshed |= heard
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            look_at_all(written_out=self.written_out)
            self._unrefreshed |= refresh_figures()
        elif heard:
            look_at_all(written_out=self.written_out, slugs=heard)
        if self._unrefreshed and now - self._refreshed >= REFRESH_SECONDS:
            self._refreshed = now
            self._unrefreshed = refresh_figures(self._unrefreshed)


def look_at_all(*, written_out: dict[int, bool], slugs: set[str] | None = None) -> None:
    """Start what is due in the projects named, or in all."""
    for project in exchange.all_projects():
        if project.is_archived or (slugs is not None and project.slug not in slugs):
            continue
        for run in start_if_due(project_id=project.id):
            logger.info("run %d of project %s: %s", run.pk, project.slug, run.reason)
        deciding.look(project.id, again=slugs is None)
        if slugs is None:
            stale.let_go(project.id)
        fill_if_low(project_id=project.id, written_out=written_out.get(project.id, False))


def refresh_figures(slugs: set[str] | None = None) -> set[str]:
    """Bring figures up to date in the projects named, or in all; those of which more is left.

    What goes wrong with figures is logged and left: runs have to be started all the same.
    """
    left = set()
    for project in exchange.all_projects():
        if slugs is not None and project.slug not in slugs:
            continue
        try:
            if exchange.refresh_figures(project.id):
                left.add(project.slug)
            standings.keep_fresh(project.id)
        except AWAY:
            raise
        except Exception:
            logger.exception("the figures of project %s are not up to date", project.slug)
    return left


def put_back_turns() -> None:
    """Let turns be taken again that a dead process was writing for. One written twice is offered once."""
    waiting = {job.queueing_lock for job in _jobs("todo", exchange.CONVERSATIONS)}
    for job in _jobs("doing", exchange.CONVERSATIONS):
        _put_back(job, again=job.queueing_lock not in waiting)


def put_back(locks: Locks, *, suspects: set[int] | None = None) -> set[int]:
    """Give every open run that nobody executes its job again.

    A run whose lock is free is executed by nobody: the locks of a killed process end with its connection.

    Args:
        suspects: runs whose lock was free at the last look; only these are put back, because between taking a job and
            taking its lock a moment passes. None, at the start of a worker: all, and half-done jobs that are no runs.

    Returns:
        The suspects of the next look.
    """
    open_runs = Run.objects.filter(state__in=OPEN_STATES).values_list("pk", flat=True)
    free = {run_id for run_id in open_runs if _is_free(locks, run_id)}
    orphans = free if suspects is None else free & suspects
    waiting = {job.queueing_lock for job in _jobs("todo", jobs.QUEUE)}
    with_a_job = {job.args.get("run_id") for job in _jobs("todo", jobs.QUEUE)}
    for job in _jobs("doing", jobs.QUEUE):
        run_id = job.args.get("run_id")
        if run_id in orphans or (run_id is None and suspects is None):
            _put_back(job, again=job.queueing_lock not in waiting)
        with_a_job.add(run_id)
    for run_id in orphans - with_a_job:
        if services.hand_to_worker(run_id=run_id):
            logger.info("put back: run %d", run_id)
    return free - orphans


def _jobs(status: str, queue: str) -> list[ProcrastinateJob]:
    return list(ProcrastinateJob.objects.filter(queue_name=queue, status=status))


def _is_free(locks: Locks, run_id: int) -> bool:
    if not locks.take(run_lock(run_id)):
        return False
    locks.release(run_lock(run_id))
    return True


def _put_back(job: ProcrastinateJob, *, again: bool) -> None:
    """Let a job of a dead worker be taken again, or forget it when the same one waits already."""
    if again:
        app.job_manager.retry_job_by_id(job.pk, retry_at=datetime.now(UTC))
        logger.info("put back: %s %s", job.task_name, job.args)
        return
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s AND status = 'doing'", [job.pk])
