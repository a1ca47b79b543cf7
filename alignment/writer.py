"""Writing for people who wait: beside training, at a conversation with the served policy kept loaded between turns, and
for a queue that runs low while a run has the device.

The jobs load torch, and this module does not: a process that waits for conversations costs little until there is one.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from django.db import close_old_connections
from procrastinate.contrib.django import app

from alignment import jobs
from alignment.clocks.facts import facts
from alignment.loop import should_fill
from alignment.patience import AWAY, Interrupted, go_on, patiently
from alignment.taking import GoOnLater
from labeling import exchange

if TYPE_CHECKING:
    from alignment.requests import Kept

logger = logging.getLogger(__name__)

slot = 0
"""Of this process; set by the command."""
keeps = False
"""Whether the model stays loaded between turns; set by the command where nothing else needs the memory."""
_kept: Kept | None = None
PAUSE_SECONDS = 60.0
"""After a round that brought nothing new, until the next one of that project is tried."""
_found_nothing: dict[int, float] = {}


@app.task(name=exchange.WRITE_TURN, queue=exchange.CONVERSATIONS, retry=GoOnLater())
def write_turn_job(turn_id: int) -> None:
    """The job of a conversation's turn; whoever waits at the page is told why nothing comes.

    It waits for no training run that has the device: people do not wait for as long as a run takes.
    """
    global _kept
    from alignment import artifacts, requests

    try:
        found = requests.write_turn(turn_id, device=artifacts.choose_device(slot), check=go_on, kept=_kept)
        _kept = found if keeps else None
    except exchange.NotFound as gone:
        logger.info("nobody to write for: %s", gone)
    except (Interrupted, *AWAY):
        raise
    except Exception as error:
        logger.exception("nothing was written for turn %d", turn_id)
        _kept = None
        patiently(exchange.refuse_turn, turn_id=turn_id, reason=str(error) or type(error).__name__)
    finally:
        close_old_connections()


@app.task(name=jobs.FILL_BESIDE, queue=exchange.CONVERSATIONS, retry=GoOnLater())
def fill_beside_job(project_id: int) -> None:
    """The job that keeps a queue from running dry while a run has the device, for as long as it may take."""
    if time.monotonic() - _found_nothing.get(project_id, -PAUSE_SECONDS) < PAUSE_SECONDS:
        return
    try:
        if not should_fill(patiently(facts, project_id)):  # it was filled since
            return
        from alignment import artifacts, requests

        if not requests.fill_queue(project_id, device=artifacts.choose_device(slot), check=go_on):
            _found_nothing[project_id] = time.monotonic()
    except exchange.NotFound as gone:
        logger.info("nothing to fill: %s", gone)
    finally:
        close_old_connections()
