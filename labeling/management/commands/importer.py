"""manage.py importer: takes in the large files that people bring by page and API, and takes large snapshots."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from labeling.exports import snapshot_jobs
from labeling.imports.importer import work

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """One is enough; a second one takes the next file."""

    help = "Take in large files and take large snapshots, one after the other, until SIGTERM. `make run` starts one."

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until a signal ends it; what it was at begins again with the next one."""
        ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        logger.info("the importer is ready")
        work(ending=ending, also=[snapshot_jobs.run_next])
        logger.info("the importer has ended")
