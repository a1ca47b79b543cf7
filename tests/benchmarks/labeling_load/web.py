"""The web server of `make run`, for as long as a benchmark needs it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

from labeling.management.commands.run import collect_static_files, web_command
from labeling.runtime.ports import answers
from labeling.runtime.supervisor import wrapped

SETTLE_SECONDS = 2.0
"""After the first answer, for the other processes to listen as well."""


@dataclass(frozen=True)
class Server:
    """Where it listens, and its processes."""

    address: tuple[str, int]
    processes: list[subprocess.Popen[bytes]]


@contextmanager
def serving() -> Iterator[Server]:
    """A server on the database of the settings; it has ended when the block has."""
    collect_static_files(settings.STATIC_ROOT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    environment = {**os.environ, "DATA_DIR": str(settings.DATA_DIR), "SECRET_KEY": settings.SECRET_KEY}
    command = wrapped(web_command(host=host, port=port))
    servers = [subprocess.Popen(command, env=environment) for _ in range(settings.WEB_PROCESSES)]
    try:
        deadline = time.monotonic() + 60
        while not answers(host=host, port=port, path="/healthz"):
            if any(server.poll() is not None for server in servers) or time.monotonic() > deadline:
                raise RuntimeError(f"the web server did not answer: {[server.poll() for server in servers]}")
            time.sleep(0.1)
        time.sleep(SETTLE_SECONDS)
        yield Server((host, port), servers)
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait()
