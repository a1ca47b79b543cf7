"""Going on when the database was away for a while."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

GIVE_UP_SECONDS = 600.0
LONGEST_PAUSE = 5.0
AWAY = (OperationalError, InterfaceError)

ending = threading.Event()
"""Set when the process has to end: nobody waits for the database then."""


class Interrupted(Exception):
    """The process has to end, or the database went away: the run stays open and goes on from its checkpoint."""


def go_on() -> None:
    """Between two parts of what takes long.

    Raises:
        Interrupted: the process has to end.
    """
    if ending.is_set():
        raise Interrupted


def patiently(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call something that is one transaction, again and again while the database is away, up to ten minutes.

    A transaction whose commit was cut off may be done twice: what is called has to be harmless twice.

    Raises:
        OperationalError, InterfaceError: the database was away for longer.
    """
    began, pause = time.monotonic(), 0.1
    while True:
        try:
            return call(*args, **kwargs)
        except AWAY as error:
            if connection.in_atomic_block or ending.is_set() or time.monotonic() - began > GIVE_UP_SECONDS:
                raise
            logger.warning("the database is away, trying again in %.1f s: %s", pause, str(error).splitlines()[0])
            connection.close()
            ending.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
