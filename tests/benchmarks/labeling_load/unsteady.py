"""An annotator with a bad connection and restless hands."""

from __future__ import annotations

import socket
import time

from labeling.models import User
from tests.benchmarks.labeling_load.annotator import ASSIGNMENT, CLIENT_ID, Annotator

TWICE, SKIPS = 0.3, 0.03
PAUSE = 0.2  # seconds until the next try, when nobody answers or there is nothing to do
GONE = (403, 404)


class UnsteadyAnnotator(Annotator):
    """Sends one in three judgements twice at once, and again whatever got no answer."""

    def __init__(self, address: tuple[str, int], *, slug: str, user: User) -> None:
        self.is_over = False
        super().__init__(address, slug=slug, user=user)
        self.user = user
        self.other = self.connect()
        self.dropped: list[socket.socket] = []
        self.acknowledged: list[str] = []
        self.twice = self.again = self.skipped = self.errors = 0

    def work_on(self) -> None:
        """Judge until it is over, or until they are no member any more."""
        status, page = self.surely(f"GET {self.page}")
        while not self.is_over and status not in GONE:
            found = ASSIGNMENT.search(page)
            if found is None:
                time.sleep(PAUSE)
                status, page = self.surely(f"GET {self.page}")
            elif self.chance.random() < SKIPS:
                status, page = self.surely(f"POST {self.page}{int(found[1])}/skip/", "reason=")
                self.skipped += status == 200
            else:
                status, page = self.submit(int(found[1]), page)
            if status not in (200, *GONE):
                self.errors += 1
                status, page = self.surely(f"GET {self.page}")

    def submit(self, assignment: int, page: bytes) -> tuple[int, bytes]:
        """Submit the judgement; it is acknowledged when an answer says so."""
        client_id = CLIENT_ID.search(page)
        assert client_id is not None, page[:300]
        line, body = f"POST {self.page}{assignment}/submit/", self.decided(page)
        if self.chance.random() < TWICE:
            self.twice += 1
            self.hurry(line, body)
        status, page = self.surely(line, body)
        if status == 200:
            self.acknowledged.append(client_id[1].decode())
        return status, page

    def hurry(self, line: str, body: str) -> None:
        """Send it on the other connection and wait for no answer: that connection is not used again."""
        try:
            self.other.sendall(self.request(line, body))
        except OSError:
            pass
        finally:
            self.dropped.append(self.other)  # closing it now would tell the server that nobody waits
            self.other = self.connect()

    def close(self) -> None:
        """End all connections."""
        for each in (self.connection, self.other, *self.dropped):
            each.close()

    def surely(self, line: str, body: str | None = None) -> tuple[int, bytes]:
        """Send it until somebody answers; when it is over, that nobody did is the answer."""
        while True:
            try:
                return self.send(line, body)
            except OSError:
                if self.is_over:
                    return GONE[-1], b""
                self.again += 1
                time.sleep(PAUSE)
                self.connection.close()
                self.connection = self.connect()

    def connect(self) -> socket.socket:
        """A new connection, as soon as somebody listens."""
        while True:
            try:
                return super().connect()
            except OSError:
                if self.is_over:
                    raise
                time.sleep(PAUSE)
