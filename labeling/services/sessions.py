"""Ending sessions: a browser that had one is signed out at its next request."""

from __future__ import annotations

import hashlib

from django.utils.translation import gettext

from labeling.errors import NotFound
from labeling.models import Session, User
from labeling.selectors.sessions import sessions_of


def name_of(session: Session) -> str:
    """What a session is called on pages: its key signs in, so it is never shown."""
    return hashlib.sha256(session.session_key.encode()).hexdigest()[:16]


def end_session(*, user: User, name: str) -> Session:
    """End one session of a person.

    Raises:
        NotFound: they have none of this name, or not any more.
    """
    for session in sessions_of(user):
        if name_of(session) == name:
            Session.objects.filter(pk=session.pk).delete()
            return session
    raise NotFound(gettext("you have no such session, or it ended already"))


def end_others(*, user: User, keep: str | None) -> int:
    """End all sessions of a person but the one of this key; how many."""
    return Session.objects.filter(user=user).exclude(pk=keep or "").delete()[0]
