from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from labeling.runtime.errors import StartError
from labeling.runtime.ports import address_to_ask, answers, require_free_port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        yield listening


def test_a_port_in_use_is_named_with_another_to_take(listener):
    port = listener.getsockname()[1]

    with pytest.raises(StartError, match=rf"port {port} is in use by another program.*PORT={port + 1} make run"):
        require_free_port(host="127.0.0.1", port=port)


def test_a_port_is_free_as_soon_as_its_program_ended(listener):
    port = listener.getsockname()[1]
    listener.close()

    require_free_port(host="127.0.0.1", port=port)
    require_free_port(host="127.0.0.1", port=port)


def test_an_address_of_another_machine_is_refused():
    # 192.0.2.0/24 is for documentation: no machine has it.
    with pytest.raises(StartError, match=r"it can't listen on 192\.0\.2\.1, port 8000"):
        require_free_port(host="192.0.2.1", port=8000)


def test_a_program_that_is_silent_does_not_answer(listener):
    assert not answers(host="127.0.0.1", port=listener.getsockname()[1], path="/healthz")


@pytest.mark.parametrize(("host", "asked"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.1.2.3", "10.1.2.3")])
def test_a_server_on_all_addresses_is_asked_on_this_machines_own(host, asked):
    assert address_to_ask(host) == asked
