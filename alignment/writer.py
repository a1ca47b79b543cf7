"""Writing for people who sit at a conversation: beside training, with the served policy kept loaded between turns.

The jobs load torch, and this module does not: a process that waits for conversations costs little until there is one.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import close_old_connections
from procrastinate.contrib.django import app

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
