"""Taking jobs from the queues, in whatever process. No torch: a job loads what it needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from procrastinate import App, BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from alignment.patience import AWAY, Interrupted, ending

logger = logging.getLogger(__name__)


class GoOnLater(BaseRetryStrategy):
    """A job that was interrupted waits for the next worker; one that failed has failed."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Put an interrupted job back at once."""
        if isinstance(exception, (Interrupted, *AWAY)):
            return RetryDecision(retry_at=datetime.now(UTC))
        return None


async def work(worker_app: App, *, queues: Sequence[str]) -> None:
    """Take jobs one after the other until the process has to end, however often the database goes away."""
    while not ending.is_set():
        try:
            async with worker_app.open_async():
                task = asyncio.create_task(
                    worker_app.run_worker_async(
                        queues=list(queues),
                        concurrency=1,
                        delete_jobs="successful",
                        install_signal_handlers=False,
                        fetch_job_polling_interval=2.0,
                    )
                )
                while not ending.is_set() and not task.done():
                    await asyncio.sleep(0.1)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                if task.done() and not task.cancelled() and (error := task.exception()):
                    logger.warning("the worker begins again: %s", error)
        except Exception as error:
            logger.warning("the database is away: %s", error)
        if not ending.is_set():
            await asyncio.sleep(1)
