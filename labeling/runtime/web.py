"""One web process of several at one address: ``python -m labeling.runtime.web --host HOST --port PORT``.

Python computes in one thread at a time, so one process uses one core. Each process listens by itself and the kernel
gives every new connection to one of them; one that dies takes its own connections along and no other.
"""

from __future__ import annotations

import argparse
import socket
import sys

import uvicorn

APPLICATION = "labeling.asgi:application"
STOP_SECONDS = 10  # for requests in flight


def listen(host: str, port: int) -> socket.socket:
    """A listening socket at an address that other processes of this user may listen at, too.

    Raises:
        OSError: somebody else listens there, or it may not be used.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def main(arguments: list[str]) -> int:
    """Serve until a signal ends it; 1 when it could not start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(arguments)
    config = uvicorn.Config(APPLICATION, timeout_graceful_shutdown=STOP_SECONDS, access_log=False, log_level="warning")
    server = uvicorn.Server(config)
    server.run(sockets=[listen(given.host, given.port)])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
