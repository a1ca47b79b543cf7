"""A WSGI application inside an ASGI server: one step into a thread for a request, and one back with its answer.

The bridges that we know hand over the head of an answer, each of its parts and its end one by one, and a thread waits
for the server's loop at each: a third of what a judgement cost the web process. Here an answer that says how long it is
is handed over whole. One that is streamed goes part by part, waits while the browser is slow, and ends when it is gone.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from io import BufferedReader, BytesIO, RawIOBase
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Coroutine[Any, Any, Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

READ_AT_ONCE = 64 * 1024
PLAIN_NAMES = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


class Bridge:
    """An ASGI application that has HTTP requests answered by a WSGI application.

    Args:
        application: is called in a thread.
        threads: as many requests are answered at the same time; the others wait for their turn. Python computes in one
            thread at a time, so with many of them each takes longer and none comes sooner.
        streams: as many answers are streamed at the same time, in threads of their own: a long download keeps nobody
            from being answered.
    """

    def __init__(self, application: Application, *, threads: int, streams: int) -> None:
        self.application = application
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="http")
        self.streams = ThreadPoolExecutor(streams, thread_name_prefix="stream")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        first = await receive()
        if first["type"] == "http.disconnect":
            return
        exchange = Exchange(scope, first, receive=receive, send=send)
        try:
            await exchange.answer(self.application, pool=self.pool, streams=self.streams)
        finally:
            exchange.forget()


class Gone(ConnectionError):
    """Nobody waits for the rest of an answer any more."""


class Exchange:
    """One request and its answer. Where something is not at hand yet, the thread waits for the loop."""

    def __init__(self, scope: Mapping[str, Any], first: Message, *, receive: Receive, send: Send) -> None:
        self.loop = asyncio.get_running_loop()
        self.receive = receive
        self.send = send
        self.messages: list[Message] = []  # of the answer, yet to be sent
        self.length: int | None = None
        self.is_read = not first.get("more_body")
        self.answered: asyncio.Future[BaseException | None] = self.loop.create_future()
        self.leaving: asyncio.Task[Message] | None = None
        body = first.get("body", b"")
        self.environ = environ_of(
            scope, BytesIO(body) if self.is_read else BufferedReader(Incoming(body, self._more), READ_AT_ONCE)
        )

    async def answer(self, application: Application, *, pool: ThreadPoolExecutor, streams: ThreadPoolExecutor) -> None:
        """Have it answered in a thread of the pool, and streamed in one of the others.

        Raises:
            Exception: what the application raised.
        """
        pool.submit(self._run, self._call, application, streams)
        error = await self.answered
        if isinstance(error, Gone):
            return
        if error is not None:
            raise error
        for message in self.messages:
            await self.send(message)

    def forget(self) -> None:
        """Nobody needs to know any more whether the browser is there."""
        if self.leaving is not None:
            self.leaving.cancel()

    def _run(self, step: Callable[..., bool], *given: Any) -> None:
        error: BaseException | None = None
        try:
            if not step(*given):
                return
        except BaseException as caught:  # it is raised in the loop, where the server tells of it
            error = caught

        def end() -> None:
            if not self.answered.cancelled():
                self.answered.set_result(error)

        self.loop.call_soon_threadsafe(end)

    def _call(self, application: Application, streams: ThreadPoolExecutor) -> bool:
        """Whether the answer is complete; else it is on its way in another thread."""
        parts = application(self.environ, self._start)
        if getattr(parts, "streaming", False):  # as Django says it
            # Its parts are made as they are asked for: none before, so that all of them are made in one thread.
            streams.submit(contextvars.copy_context().run, self._run, self._hand_over, parts)
            return False
        return self._hand_over(parts)

    def _hand_over(self, parts: Iterable[bytes]) -> bool:
        try:
            body, rest = self._at_hand(iter(parts))
            for part in rest:
                self._pass_on(body)
                body = part
            self.messages.append({"type": "http.response.body", "body": body, "more_body": False})
        finally:
            if (close := getattr(parts, "close", None)) is not None:
                close()
        return True

    def _at_hand(self, parts: Iterator[bytes]) -> tuple[bytes, Iterable[bytes]]:
        """The first part, and those after it: none when it is as long as the answer said it would be."""
        body = next(parts, b"")
        return body, () if self.length is not None and len(body) >= self.length else parts

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        length = next((value for name, value in encoded if name == b"content-length"), None)
        self.length = None if length is None else int(length)
        self.messages = [{"type": "http.response.start", "status": int(status[:3]), "headers": encoded}]
        return self._pass_on

    def _pass_on(self, part: bytes) -> None:
        """Send a part of the answer, with what comes before it, and wait until the browser takes more.

        Raises:
            Gone: it left.
        """
        messages = [*self.messages, {"type": "http.response.body", "body": part, "more_body": True}]
        self.messages = []
        asyncio.run_coroutine_threadsafe(self._send_all(messages), self.loop).result()
        if self.leaving is not None and self.leaving.done():
            raise Gone("the browser left before the end of the answer")

    async def _send_all(self, messages: list[Message]) -> None:
        if self.leaving is None and self.is_read:  # what comes after the request is that they leave
            self.leaving = self.loop.create_task(self.receive())
        for message in messages:
            await self.send(message)

    def _more(self) -> bytes:
        """The next part of the request; empty at its end, and when the browser left."""
        if self.is_read:
            return b""
        message: Message = asyncio.run_coroutine_threadsafe(self.receive(), self.loop).result()
        self.is_read = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body or (b"" if self.is_read else self._more())


class Incoming(RawIOBase):
    """A request's content as it arrives."""

    def __init__(self, begin: bytes, more: Callable[[], bytes]) -> None:
        self.rest = memoryview(begin)
        self.more = more

    def readable(self) -> bool:
        """As io asks for."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what is there."""
        if not self.rest:
            self.rest = memoryview(self.more())
        count = min(len(buffer), len(self.rest))
        buffer[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count


def environ_of(scope: Mapping[str, Any], body: Any) -> dict[str, Any]:
    """The request as WSGI has it (PEP 3333).

    A header whose name has an underscore is left out: it would pass for the one with a hyphen, which a proxy has set.
    """
    root = scope.get("root_path", "")
    host, port = scope.get("server") or ("localhost", 80)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root.encode().decode("latin-1"),
        "PATH_INFO": scope["path"].removeprefix(root).encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = scope["client"][0], str(scope["client"][1])
    for name, value in scope["headers"]:
        if b"_" in name:
            continue
        key = PLAIN_NAMES.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ
