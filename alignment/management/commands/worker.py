"""manage.py worker: takes jobs and executes runs, one at a time."""

from __future__ import annotations

import asyncio
import logging
import signal
from argparse import ArgumentParser
from typing import Any, cast

from django.core.management.base import BaseCommand, CommandError
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from alignment.locks import slot_lock
from alignment.patience import ending, patiently

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """One worker for each GPU: `--slot 0`, `--slot 1`, ... A second one of the same slot stands by."""

    help = "Take jobs and execute runs, one at a time. Start one for each GPU; a second one of a slot stands by."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The slot."""
        parser.add_argument("--slot", type=int, default=0, help="which GPU, from 0; 0 without one (default: 0)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Wait for the slot, put back what a dead worker left, and work until SIGTERM."""
        from alignment import watching, worker

        slot = options["slot"]
        if slot < 0:
            raise CommandError(f"--slot is {slot}: give 0 or more")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        worker.device_of_this_worker = worker.choose_device(slot)
        if not worker.locks.wait(slot_lock(slot), given_up=ending.is_set):
            return
        logger.info("worker of slot %d is ready on %s", slot, worker.device_of_this_worker)
        patiently(watching.put_back, worker.locks)
        watcher = watching.Watcher(worker.locks, written_out=worker.written_out)
        watcher.start()
        try:
            # The copy has a connector of its own; jobs that are deferred in here still go through Django's connection.
            connector = cast(DjangoConnector, app.connector).get_worker_connector()
            asyncio.run(worker.work(app.with_connector(connector)))
        finally:
            ending.set()
            watcher.join(timeout=5)
            worker.locks.close()
        logger.info("worker of slot %d has ended", slot)
