"""Active time: what is counted as work on an item, by the page (static/js/judge/timer.js) and by the server.

A second counts when the judging page is in front (its tab is the one shown, its window not minimised) and the person
gave a sign within the last IDLE_SECONDS: a key, the mouse or pen (pressed or moved), the wheel, a touch, scrolling.
The seconds after the last sign count, up to IDLE_SECONDS: reading is work. Nothing else counts: a tab in the
background, a computer that sleeps, an open page that nobody touches. An item's time is the sum over all visits to it,
kept with its draft; the total is the sum over the items that were submitted, and over what was revised.

The page measures, and the server believes it only as far as the clock allows: no item takes longer than from being
claimed to being submitted, and no revision longer than from the judgement that it changes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from django.utils import timezone

from labeling.models import Source
from labeling.services.verdicts import Verdict

IDLE_SECONDS = 60


def bounded(verdict: Verdict, *, since: dt.datetime, source: str) -> Verdict:
    """The verdict with at most as much active time as passed since then. Simulated time is no clock's time."""
    if source == Source.SIMULATION:
        return verdict
    passed = (timezone.now() - since).total_seconds()
    return replace(verdict, seconds=min(verdict.seconds, max(0.0, passed)))
