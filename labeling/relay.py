"""From PostgreSQL's NOTIFY to open pages: one listening connection per process, however many pages are open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from procrastinate.contrib.django import connector_params

from labeling.events import CHANNEL, Event, parse

logger = logging.getLogger(__name__)

MOST_WAITING = 200
LONGEST_PAUSE = 5.0
RESYNC = "resync"
"""The event that tells a page to read the state anew: events may have been lost."""

Subscription = asyncio.Queue[Event]


class Relay:
    """Hands the events of each project to those who subscribed to it. Belongs to one event loop."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._task: asyncio.Task[None] | None = None
        self._hears = False

    @asynccontextmanager
    async def subscribe(self, project: str, *more: str) -> AsyncIterator[Subscription]:
        """Events of a project; the first is RESYNC, after which nothing is missed. A slow reader loses events and is
        told to read the state anew.

        Args:
            more: what else to hear, such as ``events.of_person``.
        """
        subscription: Subscription = asyncio.Queue(MOST_WAITING)
        for heard in (project, *more):
            self._subscriptions.setdefault(heard, set()).add(subscription)
        if self._task is None or self._task.done():
            self._hears = False
            self._task = asyncio.create_task(self._listen(), name="relay")
        if self._hears:  # if not, it comes once the relay does
            subscription.put_nowait(Event(project=project, name=RESYNC))
        try:
            yield subscription
        finally:
            for heard in (project, *more):
                self._subscriptions[heard].discard(subscription)
                if not self._subscriptions[heard]:
                    del self._subscriptions[heard]
            if not self._subscriptions and self._task is not None:
                self._task.cancel()
                self._task, self._hears = None, False

    async def _listen(self) -> None:
        """Listen as long as somebody subscribes, and again after the database was away."""
        pause = 0.1
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**connector_params(), autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    pause, self._hears = 0.1, True
                    # What happened before this moment was not heard.
                    for project in list(self._subscriptions):
                        self._hand_on(Event(project=project, name=RESYNC))
                    async for notification in connection.notifies():
                        self._hand_on(parse(notification.payload))
            except (ValueError, KeyError) as error:  # somebody else's notification on our channel
                logger.warning("not understood: %s", error)
            except psycopg.Error as error:
                logger.warning("the database is away, listening again in %.1f s: %s", pause, _first_line(error))
            self._hears = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _hand_on(self, event: Event) -> None:
        for subscription in self._subscriptions.get(event.project, ()):
            slow = subscription.full()
            while slow and not subscription.empty():
                subscription.get_nowait()
            subscription.put_nowait(Event(project=event.project, name=RESYNC) if slow else event)


_relays: WeakKeyDictionary[asyncio.AbstractEventLoop, Relay] = WeakKeyDictionary()


def relay() -> Relay:
    """The relay of this process's event loop."""
    return _relays.setdefault(asyncio.get_running_loop(), Relay())


def _first_line(error: Exception) -> Any:
    return str(error).partition("\n")[0]
