"""The Python client: HTTP and the standard library only; this file and client_data.py can be copied anywhere.

client = Client.login("http://localhost:8000", "annotator1", password)
while (sheet := client.next("demo")) is not None:
    ranks = {completion.id: place for place, completion in enumerate(sheet.completions, start=1)}
    client.submit(sheet.assignment, ratings=dict.fromkeys(ranks, 4), ranks=ranks)
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

from labeling.client_data import FIRST_WAIT_SECONDS, Data

BUSY = {502, 503, 504}


class ApiError(Exception):
    """A refusal: the server's sentence, its status and code, and all that it sent."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(body.get("code", ""))
        self.detail = str(body.get("detail", ""))
        self.body = dict(body)
        super().__init__(f"{status} {self.code}: {self.detail}")


class Unreachable(Exception):
    """The server did not answer, also not to the retries."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion to judge."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Judgements done and wanted in the whole project, and your own."""

    done: int
    total: int
    mine: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """What there is to judge, with the completions in the order to show."""

    assignment: int
    kind: str
    prompt: tuple[Message, ...]
    completions: tuple[Completion, ...]
    lease_expires: datetime
    draft: dict[str, Any]
    flags: tuple[str, ...]
    progress: Progress


@dataclass(frozen=True, slots=True)
class Submitted:
    """A stored label; ``created`` is False when a retry found it, ``extra`` says that it is outside the overlap."""

    label: int
    created: bool
    extra: bool
    progress: Progress


class Client(Data):
    """One person's access to one server."""

    def __init__(self, url: str, token: str = "", *, timeout: float = 60.0, retries: int = 4) -> None:
        """The server's address without /api/v1/, seconds to wait for each answer, and how often to try again when
        there is none or the server is busy; what is not safe to repeat is tried once.
        """
        self.url = url.rstrip("/")
        self.token = token
        self.timeout = timeout
        self.retries = retries

    @classmethod
    def login(cls, url: str, username: str, password: str, **options: Any) -> Client:
        """A client with the token of an account; ApiError when none has this username and password."""
        client = cls(url, **options)
        client.token = str(client._send("POST", "token/", {"username": username, "password": password})["token"])
        return client

    def projects(self) -> Iterator[dict[str, Any]]:
        """The projects in which you have a place."""
        return self._pages("projects/", {})

    def project(self, slug: str) -> dict[str, Any]:
        """A project with your role and its progress."""
        return self._send("GET", f"projects/{quote(slug)}/")

    def create_project(self, slug: str, **settings: Any) -> dict[str, Any]:
        """A new project, with you as its admin."""
        return self._send("POST", "projects/", {"slug": slug, **settings}, repeatable=False)

    def update_project(self, slug: str, **settings: Any) -> dict[str, Any]:
        """Change settings of a project."""
        return self._send("PATCH", f"projects/{quote(slug)}/", settings)

    def prompts(self, slug: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """A project's prompts, the newest first; filters: search, held_out."""
        return self._pages(f"projects/{quote(slug)}/prompts/", filters)

    def add_prompt(
        self,
        slug: str,
        prompt: str | Sequence[Mapping[str, str]],
        *,
        completions: Sequence[str] = (),
        models: Sequence[str | None] = (),
    ) -> dict[str, Any]:
        """Add a prompt, with completions to be judged or without; models are the names of those that wrote them."""
        body: dict[str, Any] = {"prompt": prompt if isinstance(prompt, str) else list(prompt)}
        if completions:
            body["completions"] = list(completions)
        if models:
            body["models"] = list(models)
        return self._send("POST", f"projects/{quote(slug)}/prompts/", body)

    def import_file(
        self, slug: str, path: Path | str, *, file_format: str = "prompts", keep_good: bool = False
    ) -> dict[str, Any]:
        """Import a file, streamed, and wait for the end of it: a large one is left to the importer.

        The ``body["rejected"]`` of an ApiError lists bad rows; nothing is stored then.
        """
        path = Path(path)
        suffix = Path(path.name.lower().removesuffix(".gz")).suffix
        kind = {".csv": "csv", ".parquet": "parquet"}.get(suffix, "jsonl")
        query = {"format": file_format, "kind": kind, "keep_good": keep_good}
        address = self._address(f"projects/{quote(slug)}/prompts/import/", query)
        with path.open("rb") as file, self._open("POST", address, file, size=path.stat().st_size) as answer:
            imported = cast(dict[str, Any], json.load(answer))
        place = f"projects/{quote(slug)}/imports/{imported.get('id')}/"
        while imported.get("state") in ("waiting", "running"):
            time.sleep(FIRST_WAIT_SECONDS)
            imported = self._send("GET", place)
        if imported.get("state") not in ("finished", None):
            rejected = self._send("GET", f"{place}rejected/")["results"] if imported["num_rejected"] else []
            raise ApiError(400, {**imported, "detail": imported["error"], "code": "refused", "rejected": rejected})
        return imported

    def next(self, slug: str) -> Sheet | None:
        """The item to work on; None when nothing is left."""
        body = self._send("POST", f"projects/{quote(slug)}/next/")
        return _sheet(body) if body else None

    def save_draft(self, assignment: int, draft: Mapping[str, Any]) -> None:
        """Keep unfinished work on the server."""
        self._send("PUT", f"assignments/{assignment}/draft/", dict(draft))

    def submit(self, assignment: int, *, client_id: UUID | None = None, **judgement: Any) -> Submitted:
        """Submit a judgement, as the sheet's kind asks for it.

        It is stored once, however often the connection breaks; give the client id of an earlier try to repeat that.

        Args:
            judgement: ratings (1 worst to 7) and ranks (1 best, ties share one) by completion id for "ranking", ratings
                for "rating", best (an id) for "best", ranks and strength (1 to 3, none for a tie) for "pair", text and
                suggestion (an id) for "demonstration"; flags by completion id, notes, seconds.
        """
        return self._judge(assignment, "submit", client_id, judgement)

    def _judge(self, assignment: int, action: str, client_id: UUID | None, judgement: Mapping[str, Any]) -> Submitted:
        given = {name: dict(value) if isinstance(value, Mapping) else value for name, value in judgement.items()}
        body = {"client_id": str(client_id or uuid4()), **given}
        answer = self._send("POST", f"assignments/{assignment}/{action}/", body)
        return Submitted(**{**answer, "progress": Progress(**answer["progress"])})

    def judged(self, assignment: int) -> Sheet:
        """A sheet that you judged, your judgement as its draft."""
        return _sheet(self._send("GET", f"assignments/{assignment}/"))

    def revise(self, assignment: int, *, client_id: UUID | None = None, **judgement: Any) -> Submitted:
        """Replace your judgement, as for ``submit``; the old one is kept as superseded."""
        return self._judge(assignment, "revise", client_id, judgement)

    def skip(self, assignment: int, reason: str = "") -> None:
        """Give the item back; it is not offered to you again."""
        self._send("POST", f"assignments/{assignment}/skip/", {"reason": reason})

    def heartbeat(self, assignment: int) -> datetime:
        """Renew the lease; the answer is when it ends."""
        return datetime.fromisoformat(self._send("POST", f"assignments/{assignment}/heartbeat/")["lease_expires"])

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        address: str | None = self._address(path, {"page_size": 500, **filters})
        while address:
            page = self._send("GET", address)
            yield from page["results"]
            address = page["next"]

    def _address(self, path: str, query: Mapping[str, Any]) -> str:
        given = {name: value for name, value in query.items() if value is not None}
        values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
        return f"{self.url}/api/v1/{path}?{urlencode(values)}" if values else f"{self.url}/api/v1/{path}"

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, repeatable: bool = True
    ) -> dict[str, Any]:
        address = path if path.startswith(("http://", "https://")) else self._address(path, {})
        data = None if body is None else json.dumps(body).encode()
        with self._open(method, address, data, repeatable=repeatable) as answer:
            text = answer.read()
        return cast(dict[str, Any], json.loads(text)) if text else {}

    def _open(
        self,
        method: str,
        address: str,
        data: bytes | IO[bytes] | None = None,
        *,
        size: int = 0,
        repeatable: bool = True,
        headers: Mapping[str, str] | None = None,
        patience: float = 0.0,
    ) -> HTTPResponse:
        attempts = 1 + (self.retries if repeatable else 0)
        for attempt in range(1, attempts + 1):
            if data is not None and not isinstance(data, bytes):
                data.seek(0)
            try:
                return self._try(method, address, data, size, headers or {}, max(self.timeout, patience))
            except ApiError as error:
                if error.status not in BUSY or attempt == attempts:
                    raise
            except (urllib.error.URLError, HTTPException, OSError) as error:
                if attempt == attempts:
                    raise Unreachable(f"{method} {address} failed {attempt} times: {error}") from error
            time.sleep(FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _try(
        self, method: str, address: str, data: bytes | IO[bytes] | None, size: int, more: Mapping[str, str], wait: float
    ) -> HTTPResponse:
        headers = {"Accept": "application/json", **more}
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        if data is not None:
            headers["Content-Type"] = "application/octet-stream" if size else "application/json"
        if size:
            headers["Content-Length"] = str(size)
        request = urllib.request.Request(address, data=cast(bytes, data), headers=headers, method=method)
        try:
            return cast(HTTPResponse, urllib.request.urlopen(request, timeout=wait))
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(error.code, _refusal(error.read())) from None


def _refusal(content: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError):
        return {"detail": content[:200].decode(errors="replace"), "code": "not_json"}


def _sheet(body: Mapping[str, Any]) -> Sheet:
    return Sheet(
        assignment=body["assignment"],
        kind=body["kind"],
        prompt=tuple(Message(**message) for message in body["prompt"]),
        completions=tuple(Completion(**completion) for completion in body["completions"]),
        lease_expires=datetime.fromisoformat(body["lease_expires"]),
        draft=body["draft"],
        flags=tuple(body["flags"]),
        progress=Progress(**body["progress"]),
    )
