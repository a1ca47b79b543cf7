"""Whether the web server can listen, and whether it answers."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import time

from labeling.runtime.errors import StartError

PATIENCE_SECONDS = 2.0  # the web server of a run that was just killed needs a moment to end
ANSWER_SECONDS = 1.0


def require_free_port(*, host: str, port: int) -> None:
    """Check that the web server can listen at this address.

    Raises:
        StartError: another program listens there, or it may not be used.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (problem := _problem_of(host, port)) is not None:
        if problem.errno == errno.EADDRINUSE and time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        if problem.errno == errno.EADDRINUSE:
            reason = f"port {port} is in use by another program"
        else:
            reason = f"it can't listen on {host}, port {port} ({problem.strerror or os.strerror(problem.errno or 0)})"
        other = port + 1 if 1024 <= port < 65_535 else 8001
        raise StartError(f"{reason}. Take another port: PORT={other} make run")


def answers(*, host: str, port: int, path: str) -> bool:
    """Whether a web server there answers this path without an error of its own."""
    connection = http.client.HTTPConnection(address_to_ask(host), port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def address_to_ask(host: str) -> str:
    """The address under which this machine reaches a server that listens on ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def _problem_of(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return error
    return None
