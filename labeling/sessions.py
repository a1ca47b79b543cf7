"""Where sessions are kept: in the database, with whose they are, on which device, and when they were used last."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.middleware import SessionMiddleware as DjangoMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from labeling.models import Session, User
from labeling.rows import columns, fetch_one, instances

DEVICE, BEGUN = "device", "begun"
USED_AGAIN = dt.timedelta(minutes=5)
"""A use is written down when the one before it is older than this, so that reading a session is hardly ever a write."""


class SessionMiddleware(DjangoMiddleware):
    """Django's, but for one thing: a refusal takes no cookie away.

    What a page sent by itself may be answered after somebody signed in again in another tab, and Django's answer to a
    session that is over would take the new cookie along.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """As Django's."""
        response = super().process_response(request, response)
        if response.status_code == 401:
            response.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        return response


class SessionStore(DatabaseStore):
    """Django's sessions in a table of our own.

    Attributes:
        person: whose session it is, read with it in one statement; None before it was read, and when it is nobody's.
    """

    person: User | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """The table."""
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row, with whose session it is."""
        row = cast(Session, super().create_model_instance(data))
        user = data.get("_auth_user_id")
        row.user_id = int(user) if user is not None else None
        row.device = str(data.get(DEVICE, ""))[:300]
        row.begun = dt.datetime.fromisoformat(data[BEGUN]) if BEGUN in data else timezone.now()
        row.last_used = timezone.now()
        return row

    def _get_session_from_db(self) -> Session | None:
        found = fetch_one(_found(), {"key": self.session_key})
        if found is None:
            self._session_key = None  # as Django does
            return None
        row: Session
        person: User
        row, person = instances(found, Session, User)
        self.person = person if row.user_id is not None else None
        if row.last_used < (now := timezone.now()) - USED_AGAIN:
            Session.objects.filter(pk=row.pk).update(last_used=now)
        return row


@cache
def _found() -> str:
    return f"""
SELECT {columns(Session, "session")}, {columns(User, "person")}
FROM labeling_session session LEFT JOIN labeling_user person ON person.id = session.user_id
WHERE session.session_key = %(key)s AND session.expire_date > statement_timestamp()
"""
