"""A small HTTP server in a thread that says what a test tells it to: a completion server that is well or misbehaves."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CUT, SILENCE = "the connection is reset", "nothing is said"


@dataclass
class Peer:
    """``answer(path, body)`` gives (status, JSON value or text), CUT or SILENCE; ``asked`` is what it was asked."""

    answer: Callable[[str, Any], Any]
    address: str = ""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def completion_peer(answer: Callable[[str, Any], Any]) -> Iterator[Peer]:
    peer = Peer(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.handle_request(None)

        def do_POST(self) -> None:
            self.handle_request(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def handle_request(self, body: Any) -> None:
            with peer.lock:
                peer.asked.append((self.path, body))
                peer.headers.append(dict(self.headers))
                peer.at_once += 1
                peer.most_at_once = max(peer.most_at_once, peer.at_once)
            try:
                self.say(peer.answer(self.path, body))
            finally:
                with peer.lock:
                    peer.at_once -= 1

        def say(self, said: Any) -> None:
            if said == CUT:
                # Closing with a linger of 0 sends a reset instead of an end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                return
            if said == SILENCE:
                peer.closing.wait()
                return
            status, content = said
            sent = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: Any) -> None:
            pass

        def finish(self) -> None:
            with suppress(OSError, ValueError):  # a connection that was cut on purpose
                super().finish()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    peer.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield peer
    finally:
        peer.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
