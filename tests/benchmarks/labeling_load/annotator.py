"""One person at the judging page, as fast as the answers come: the requests of the browser and nothing else.

It shares the cores with the server that it measures, so it is spare: a socket that stays open, requests written as
bytes, and of the answer only what the next request needs.
"""

from __future__ import annotations

import random
import re
import secrets
import socket
import time
from dataclasses import dataclass, field

from django.conf import settings
from django.test import Client

from labeling.models import User

ASSIGNMENT = re.compile(rb'data-assignment="(\d+)"')
CLIENT_ID = re.compile(rb'name="client_id" value="([^"]+)"')
RATED = re.compile(rb'<select class="place-select" name="place-(\d+)"')
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
NEXT_EVERY = 10
"""Every tenth time the page is opened anew, as after a pause."""


@dataclass
class Timed:
    """What one annotator did, and how long each request took in milliseconds."""

    labels: int = 0
    errors: int = 0
    submit_ms: list[float] = field(default_factory=list)
    next_ms: list[float] = field(default_factory=list)


class Annotator:
    """Signed in, with a connection of its own that is kept open."""

    def __init__(self, address: tuple[str, int], *, slug: str, user: User) -> None:
        browser = Client()
        browser.force_login(user)
        session, token = browser.cookies[settings.SESSION_COOKIE_NAME].value, secrets.token_hex(16)
        self.address = address
        self.connection = self.connect()
        self.page = f"/p/{slug}/judge/"
        self.headers = (
            f"Host: {address[0]}:{address[1]}\r\nHX-Request: true\r\nX-CSRFToken: {token}\r\n"
            f"Cookie: {settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={token}\r\n"
        )
        self.chance = random.Random(user.username)

    def work(self, *, labels: int | None = None, until: float | None = None) -> Timed:
        """Judge so many items, or until a time of the monotonic clock; the first page is not timed."""
        timed = Timed()
        page = self.open()
        while (timed.labels < labels) if labels is not None else (until is None or time.monotonic() < until):
            found = ASSIGNMENT.search(page)
            if found is None:
                break  # the queue is empty
            body = self.decided(page)
            began = time.monotonic()
            status, page = self.send(f"POST {self.page}{int(found[1])}/submit/", body)
            timed.submit_ms.append(1000 * (time.monotonic() - began))
            if status != 200:
                timed.errors += 1
                page = self.open()
                continue
            timed.labels += 1
            if timed.labels % NEXT_EVERY == 0:
                began = time.monotonic()
                page = self.open()
                timed.next_ms.append(1000 * (time.monotonic() - began))
        return timed

    def open(self) -> bytes:
        """The item that they are to judge."""
        return self.send(f"GET {self.page}")[1]

    def decided(self, page: bytes) -> str:
        """A complete judgement of the item on the page."""
        client_id = CLIENT_ID.search(page)
        assert client_id is not None, page[:300]
        fields = [f"client_id={client_id[1].decode()}&seconds=0.5&notes="]
        completions = [int(found) for found in RATED.findall(page)]
        for completion in completions:
            rating, place = self.chance.randint(1, 7), self.chance.randint(1, len(completions))
            fields.append(f"rating-{completion}={rating}&place-{completion}={place}")
        return "&".join(fields)

    def connect(self) -> socket.socket:
        """A new connection to one of the web processes."""
        opened = socket.create_connection(self.address, timeout=60)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def request(self, line: str, body: str | None = None) -> bytes:
        """What the browser would send."""
        form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n" if body else ""
        return f"{line} HTTP/1.1\r\n{self.headers}{form}\r\n{body or ''}".encode()

    def send(self, line: str, body: str | None = None) -> tuple[int, bytes]:
        """Status and content of the answer."""
        self.connection.sendall(self.request(line, body))
        received = self.receive()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self.receive()
        length = LENGTH.search(received, 0, end + 2)
        assert length is not None, received[:end]
        missing = end + 4 + int(length[1]) - len(received)
        parts = [received]
        while missing > 0:
            parts.append(self.receive())
            missing -= len(parts[-1])
        answer = b"".join(parts)
        return int(answer[9:12]), answer[end + 4 :]

    def receive(self) -> bytes:
        """What has arrived; a connection that ended is an error here."""
        received = self.connection.recv(262_144)
        if not received:
            raise ConnectionError(f"the server closed the connection of {self.page}")
        return received
