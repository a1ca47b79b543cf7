"""Handing work to whoever samples, on the connection and in the transaction of the caller.

Labeling names the job and the worker takes it: neither knows more of the other. No torch.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

CONVERSATIONS = "conversations"
"""The queue of what somebody waits for at the page."""
WRITE_TURN = "labeling.write_turn"
PRIORITY = 30  # before everything that nobody sits in front of


def defer_turn(turn_id: int) -> bool:
    """Ask for the completions of a turn; False when a job for it waits already."""
    return _defer(WRITE_TURN, once=f"turn:{turn_id}", turn_id=turn_id)


def _defer(name: str, *, once: str, **arguments: Any) -> bool:
    task = app.configure_task(name, queue=CONVERSATIONS, queueing_lock=once, priority=PRIORITY)
    try:
        with transaction.atomic():  # a refusal must not spoil the transaction around it
            task.defer(**arguments)
    except AlreadyEnqueued:
        return False
    return True
