"""One person at the judging page, as fast as the answers come: the requests of the browser and nothing else."""

from __future__ import annotations

import random
import re
import secrets
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client

from labeling.models import User

ASSIGNMENT = re.compile(r'data-assignment="(\d+)"')
CLIENT_ID = re.compile(r'name="client_id" value="([^"]+)"')
COMPLETION = re.compile(r'data-completion="(\d+)"')
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
        self.connection = HTTPConnection(*address, timeout=60)
        self.headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={token}",
            "X-CSRFToken": token,
            "HX-Request": "true",
        }
        self.slug = slug
        self.chance = random.Random(user.username)

    def work(self, *, labels: int | None = None, until: float | None = None) -> Timed:
        """Judge so many items, or until a time of the monotonic clock; the first page is not timed."""
        timed = Timed()
        page = self.send("GET", f"/p/{self.slug}/judge/")[1]
        while (timed.labels < labels) if labels is not None else (until is None or time.monotonic() < until):
            found = ASSIGNMENT.search(page)
            if found is None:
                break  # the queue is empty
            began = time.monotonic()
            status, page = self.send(
                "POST", f"/p/{self.slug}/judge/{found[1]}/submit/", urlencode(self.decided(page), doseq=True)
            )
            timed.submit_ms.append(1000 * (time.monotonic() - began))
            if status != 200:
                timed.errors += 1
                page = self.send("GET", f"/p/{self.slug}/judge/")[1]
                continue
            timed.labels += 1
            if timed.labels % NEXT_EVERY == 0:
                began = time.monotonic()
                page = self.send("GET", f"/p/{self.slug}/judge/")[1]
                timed.next_ms.append(1000 * (time.monotonic() - began))
        return timed

    def decided(self, page: str) -> dict[str, str]:
        """A complete judgement of the item on the page."""
        client_id = CLIENT_ID.search(page)
        assert client_id is not None, page[:300]
        fields = {"client_id": client_id[1], "seconds": "31.5", "notes": ""}
        for completion in dict.fromkeys(COMPLETION.findall(page)):
            fields[f"rating-{completion}"] = str(self.chance.randint(1, 7))
            fields[f"place-{completion}"] = str(self.chance.randint(1, 4))
        return fields

    def send(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        """Status and content of the answer."""
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        self.connection.request(method, path, body, {**self.headers, **form})
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()
