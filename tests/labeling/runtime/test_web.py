from __future__ import annotations

import errno
import socket

import pytest

from labeling.runtime.web import listen


def test_several_processes_listen_at_one_address():
    with listen("127.0.0.1", 0) as first, listen("127.0.0.1", first.getsockname()[1]) as second:
        addresses = {first.getsockname(), second.getsockname()}

        with socket.create_connection(first.getsockname(), timeout=5):
            pass

    assert len(addresses) == 1


def test_an_address_that_another_program_holds_is_refused():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)

        with pytest.raises(OSError, match="in use") as refusal:
            listen("127.0.0.1", other.getsockname()[1])

    assert refusal.value.errno == errno.EADDRINUSE
