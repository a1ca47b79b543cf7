"""The web server of `make run`, for as long as a benchmark needs it."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import connection

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

    def start_one(self) -> subprocess.Popen[bytes]:
        """Another process at the same address, on the database that this process uses."""
        environment = {**os.environ, "DATA_DIR": str(settings.DATA_DIR), "SECRET_KEY": settings.SECRET_KEY}
        environment["DATABASE_URL"] = database_url()
        host, port = self.address
        return subprocess.Popen(wrapped(web_command(host=host, port=port)), env=environment)

    def kill_one(self, chance: random.Random) -> None:
        """End one of the processes at once, in the middle of whatever it does, and start another in its place."""
        number = chance.randrange(len(self.processes))
        self.processes[number].kill()
        self.processes[number].wait()
        self.processes[number] = self.start_one()


def database_url() -> str:
    """The address of the database that this process uses: in a test it is not that of the environment."""
    used = connection.settings_dict
    user = quote(used["USER"]) + (f":{quote(used['PASSWORD'])}" if used["PASSWORD"] else "")
    where = urlencode({"host": used["HOST"], "port": used["PORT"] or "5432"})
    return f"postgresql://{user}@/{used['NAME']}?{where}"


@contextmanager
def serving() -> Iterator[Server]:
    """A server on the database of the settings; it has ended when the block has."""
    collect_static_files(settings.STATIC_ROOT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    server = Server((host, port), [])
    server.processes.extend(server.start_one() for _ in range(settings.WEB_PROCESSES))
    try:
        deadline = time.monotonic() + 60
        while not answers(host=host, port=port, path="/healthz"):
            if any(each.poll() is not None for each in server.processes) or time.monotonic() > deadline:
                raise RuntimeError(f"the web server did not answer: {[each.poll() for each in server.processes]}")
            time.sleep(0.1)
        time.sleep(SETTLE_SECONDS)
        yield server
    finally:
        for each in server.processes:
            each.terminate()
        for each in server.processes:
            each.wait()
