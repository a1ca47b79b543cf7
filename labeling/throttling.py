"""How many requests a person's programs may send in a minute, over all web processes, at hardly any cost.

A process lets a twentieth of the limit pass by itself. Beyond that it asks the database for a twentieth more, with what
it let pass before, so that the database is asked once in many requests and all processes together keep to the limit;
those that let only their first twentieth pass may come on top.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from labeling.models import Scope
from labeling.rows import fetch_one

SHARES = 20
MOST_KEPT = 10_000
JUDGING_FACTOR = 10
"""People who judge by a program are few and busy: they get so many times as much."""


@dataclass(slots=True)
class Share:
    """What one process still lets pass in a minute."""

    minute: int
    left: int
    unasked: int
    refused: bool = False


class Gate:
    """The shares of one process, by person and kind of request."""

    def __init__(self) -> None:
        self._shares: dict[str, Share] = {}
        self._lock = threading.Lock()

    def passes(self, key: str, *, limit: int, minute: int) -> bool:
        """Whether one more request may pass in this minute."""
        part = max(limit // SHARES, 1)
        with self._lock:
            share = self._shares.get(key)
            if share is None or share.minute != minute:
                if len(self._shares) >= MOST_KEPT:
                    self._shares.clear()
                share = self._shares[key] = Share(minute=minute, left=part, unasked=part)
            if share.left > 0:
                share.left -= 1
                return True
            if share.refused:
                return False
            asked, share.unasked = share.unasked + part, 0
        granted = fetch_one(GRANT, {"key": key, "minute": minute, "asked": asked, "limit": limit}) is not None
        with self._lock:
            share.refused = not granted
            share.left += part - 1 if granted else 0
        return granted


GRANT = """
INSERT INTO labeling_apiuse AS used (key, minute, granted) SELECT %(key)s, %(minute)s, %(asked)s
WHERE %(asked)s::int <= %(limit)s::int
ON CONFLICT (key) DO UPDATE SET minute = EXCLUDED.minute,
    granted = EXCLUDED.granted + CASE WHEN used.minute = EXCLUDED.minute THEN used.granted ELSE 0 END
WHERE used.minute < EXCLUDED.minute OR used.granted + EXCLUDED.granted <= %(limit)s
RETURNING granted
"""
GATE = Gate()


class PersonThrottle(BaseThrottle):
    """So many requests a minute for each person and scope, whichever of their tokens they come with."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether this one may pass."""
        if request.user.pk is None:
            return True  # who is not signed in gets nothing but refusals; attempts to sign in are counted elsewhere
        scope = view.scope_of(request.method or "")
        limit = settings.API_REQUESTS_PER_MINUTE * (JUDGING_FACTOR if scope == Scope.JUDGE else 1)
        return GATE.passes(f"{request.user.pk} {scope}", limit=limit, minute=int(time.time() // 60))

    def wait(self) -> float:
        """Seconds until the next minute begins."""
        return 60 - time.time() % 60
