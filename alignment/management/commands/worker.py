"""manage.py worker: takes jobs, one at a time: runs and what else needs a model, and turns of conversations."""

from __future__ import annotations

import asyncio
import logging
import signal
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, cast

from django.core.management.base import BaseCommand, CommandError
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from alignment import jobs, taking, watching, writer
from alignment.locks import slot_lock
from alignment.patience import ending, patiently
from labeling import exchange

logger = logging.getLogger(__name__)

QUEUES = {
    "all": (exchange.CONVERSATIONS, jobs.QUEUE),
    "training": (jobs.QUEUE,),
    "conversations": (exchange.CONVERSATIONS,),
}


class Command(BaseCommand):
    """One worker for each GPU: `--slot 0`, `--slot 1`, ... A second one of the same slot stands by."""

    help = "Take jobs and execute runs, one at a time. Start one for each GPU; a second one of a slot stands by."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The slot and the queues."""
        parser.add_argument("--slot", type=int, default=0, help="which GPU, from 0; 0 without one (default: 0)")
        parser.add_argument(
            "--queues",
            choices=QUEUES,
            default="all",
            help="conversations: write for people who wait at the page, beside training and with the model kept "
            "loaded; training: all else (default: all, one after the other)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until SIGTERM."""
        slot = options["slot"]
        if slot < 0:
            raise CommandError(f"--slot is {slot}: give 0 or more")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        writer.slot, writer.keeps = slot, options["queues"] == "conversations"
        if options["queues"] != "training":
            patiently(watching.put_back_turns)
        if options["queues"] == "conversations":
            if any("conversation" in project.kinds for project in patiently(exchange.all_projects)):
                from alignment import requests  # noqa: F401  # seconds that the first person would wait
            logger.info("writer of slot %d is ready", slot)
            run(QUEUES["conversations"])
            return
        self.train(slot, QUEUES[options["queues"]])

    def train(self, slot: int, queues: Sequence[str]) -> None:
        """Wait for the slot, put back what a dead worker left, and work."""
        from alignment import worker
        from alignment.artifacts import choose_device

        worker.device_of_this_worker = choose_device(slot)
        if not worker.locks.wait(slot_lock(slot), given_up=ending.is_set):
            return
        logger.info("worker of slot %d is ready on %s", slot, worker.device_of_this_worker)
        patiently(watching.put_back, worker.locks)
        watcher = watching.Watcher(worker.locks, written_out=worker.written_out)
        watcher.start()
        try:
            run(queues)
        finally:
            ending.set()
            watcher.join(timeout=5)
            worker.locks.close()
        logger.info("worker of slot %d has ended", slot)


def run(queues: Sequence[str]) -> None:
    """Take jobs until the process has to end."""
    # The copy has a connector of its own; jobs that are deferred in here still go through Django's connection.
    connector = cast(DjangoConnector, app.connector).get_worker_connector()
    asyncio.run(taking.work(app.with_connector(connector), queues=queues))
