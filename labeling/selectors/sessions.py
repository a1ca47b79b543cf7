"""Reads of sessions: where somebody is signed in."""

from __future__ import annotations

import re

from django.db.models import QuerySet
from django.utils import timezone

from labeling.models import Session, User

BROWSERS = (  # the first that fits: most call themselves by others' names as well
    ("Edge", r"Edg(e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Safari/"),
)
SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("ChromeOS", r"CrOS"),
    ("macOS", r"Macintosh|Mac OS X"),
    ("Linux", r"Linux|X11"),
)


def sessions_of(user: User) -> QuerySet[Session]:
    """The sessions of a person that have not ended, the one used last first."""
    return Session.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-last_used", "session_key")


def device_name(user_agent: str) -> str:
    """Browser and system, as people know them; empty when nothing is known."""
    found = [
        next((name for name, pattern in names if re.search(pattern, user_agent)), "") for names in (BROWSERS, SYSTEMS)
    ]
    return ", ".join(name for name in found if name)
