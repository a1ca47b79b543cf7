"""The database backend: Django's own, but for how it sees that a connection it kept is still good."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that a thread keeps from one request to the next."""

    def is_usable(self) -> bool:
        """Whether the server is there, asked once for a request.

        On a connection that rests there is nothing to read; a server that ended it left word, or its end. Only then is
        it asked, which costs a round trip.
        """
        if self.connection is None:
            return False
        try:
            waiting = select.poll()
            waiting.register(self.connection.fileno(), select.POLLIN)
        except self.Database.Error:  # it broke in the request before, and has no socket any more
            return False
        return not waiting.poll(0) or bool(super().is_usable())
