"""Handing work to the worker, on the connection and in the transaction of the caller. No torch: jobs are named."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from labeling import exchange

QUEUE = "training"
EXECUTE_RUN = "alignment.execute_run"
FILL_QUEUE = "alignment.fill_queue"
FILL_BESIDE = "alignment.fill_beside"
WRITE_SAMPLES = "alignment.write_samples"
EVALUATE_BLINDLY = "alignment.evaluate_blindly"
ASK_PAIRS = "alignment.ask_pairs"
COLLECT_FILES = "alignment.collect_files"
PRIORITIES = {
    WRITE_SAMPLES: 20,
    EVALUATE_BLINDLY: 15,
    ASK_PAIRS: 12,
    FILL_QUEUE: 10,
    FILL_BESIDE: -10,
    EXECUTE_RUN: 0,
    COLLECT_FILES: -10,
}  # somebody waits for samples; a run takes long


def defer(name: str, *, once: str, **arguments: Any) -> bool:
    """Queue a job; it becomes visible to the worker when the surrounding transaction commits.

    Args:
        once: while a job with this key waits, another one is not queued.

    Returns:
        Whether it was queued.
    """
    # What is written beside training is written where people at a conversation are waited on, after them.
    queue = exchange.CONVERSATIONS if name == FILL_BESIDE else QUEUE
    task = app.configure_task(name, queue=queue, queueing_lock=once, priority=PRIORITIES[name])
    try:
        with transaction.atomic():  # a refusal must not spoil the transaction around it
            task.defer(**arguments)
    except AlreadyEnqueued:
        return False
    return True
