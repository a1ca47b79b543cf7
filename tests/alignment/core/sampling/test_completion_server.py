from __future__ import annotations

import logging
import socket
import time
from itertools import pairwise
from typing import Any

import pytest

from alignment.core.sampling.completion_server import CompletionServer, ServerError
from tests.completion_peer import CUT, SILENCE, completion_peer

FINE = (200, {"choices": [{"index": 0, "text": "a"}]})
QUICK: dict[str, Any] = {"first_wait_seconds": 0.01}


def one_after_another(*answers):
    waiting = list(answers)
    return lambda path, body: waiting.pop(0)


def test_a_request_goes_to_the_completions_of_the_address_with_or_without_v1():
    with completion_peer(lambda path, body: FINE) as peer:
        for address in (peer.address, f"{peer.address}/", f"{peer.address}/v1", f"{peer.address}/v1/"):
            answer = CompletionServer(address).complete({"prompt": [1]})

            assert answer["choices"][0]["text"] == "a"
        assert peer.asked == [("/v1/completions", {"prompt": [1]})] * 4


def test_an_api_key_is_sent_as_a_bearer_token_and_is_no_part_of_the_repr():
    with completion_peer(lambda path, body: FINE) as peer:
        server = CompletionServer(peer.address, api_key="secret-key")

        server.complete({})

        assert peer.headers[0]["Authorization"] == "Bearer secret-key"
        assert "secret-key" not in repr(server)


@pytest.mark.parametrize("trouble", [(500, "boom"), (503, {"error": "starting"}), CUT])
def test_a_failing_server_and_a_lost_connection_are_tried_again(trouble, caplog):
    caplog.set_level(logging.WARNING)
    with completion_peer(one_after_another(trouble, trouble, FINE)) as peer:
        answer = CompletionServer(peer.address, **QUICK).complete({"prompt": "x"})

        assert answer["choices"][0]["text"] == "a"
        assert len(peer.asked) == 3
    assert len([record for record in caplog.records if "attempt" in record.getMessage()]) == 2


def test_the_wait_doubles_before_each_attempt():
    times = []

    def fail(path, body):
        times.append(time.monotonic())
        return 500, ""

    with completion_peer(fail) as peer, pytest.raises(ServerError):
        CompletionServer(peer.address, attempts=4, first_wait_seconds=0.1).complete({})

    waits = [after - before for before, after in pairwise(times)]
    assert len(waits) == 3
    assert all(wait >= least for wait, least in zip(waits, (0.1, 0.2, 0.4), strict=True))


def test_a_server_that_goes_on_failing_is_an_error_with_its_address_and_its_words():
    with completion_peer(lambda path, body: (502, "upstream is away")) as peer:
        server = CompletionServer(peer.address, attempts=3, **QUICK)

        with pytest.raises(ServerError, match=f"{peer.address}/v1/completions failed 3 times.*502.*upstream is away"):
            server.complete({})

        assert len(peer.asked) == 3


def test_nobody_at_the_address_is_an_error_that_says_to_start_the_server():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    with pytest.raises(
        ServerError, match=rf"127.0.0.1:{port}/v1/completions failed 2 times.*refused.*Start the server"
    ):
        CompletionServer(f"http://127.0.0.1:{port}", attempts=2, **QUICK).complete({})


@pytest.mark.parametrize(
    ("status", "remedy"), [(400, "which kind of server"), (404, "under this name"), (401, "API key")]
)
def test_a_refusal_is_not_tried_again_and_repeats_what_the_server_said(status, remedy):
    with completion_peer(lambda path, body: (status, {"message": "The model `policy-9` does not exist."})) as peer:
        with pytest.raises(ServerError, match=rf"status {status}, .*policy-9. does not exist.*{remedy}"):
            CompletionServer(peer.address, **QUICK).complete({})

        assert len(peer.asked) == 1


def test_a_refusal_of_a_thousand_words_is_cut():
    with completion_peer(lambda path, body: (422, "word " * 1000)) as peer, pytest.raises(ServerError) as caught:
        CompletionServer(peer.address).complete({})

    assert len(str(caught.value)) < 600


def test_silence_is_given_up_and_not_asked_for_twice():
    with completion_peer(lambda path, body: SILENCE) as peer:
        with pytest.raises(ServerError, match=r"said nothing for 0.2 s.*timeout_seconds"):
            CompletionServer(peer.address, timeout_seconds=0.2, **QUICK).complete({})

        assert len(peer.asked) == 1


@pytest.mark.parametrize(
    "answer", ["<html>hello</html>", {"detail": "fine"}, [1], {"choices": "none"}, {"choices": [1]}]
)
def test_a_server_of_something_else_is_an_error_with_what_it_said(answer):
    with completion_peer(lambda path, body: (200, answer)) as peer:
        address = peer.address

        with pytest.raises(ServerError, match=f"{address} answers .* no OpenAI completions API"):
            CompletionServer(address).complete({})


def test_models_are_the_names_that_it_serves():
    with completion_peer(lambda path, body: (200, {"data": [{"id": "base"}, {"id": "policy-2"}]})) as peer:
        assert CompletionServer(peer.address).models() == ["base", "policy-2"]
        assert peer.asked == [("/v1/models", None)]


def test_a_list_of_models_without_names_is_an_error():
    with completion_peer(lambda path, body: (200, {"data": [{}]})) as peer, pytest.raises(ServerError, match="answers"):
        CompletionServer(peer.address).models()


@pytest.mark.parametrize(
    "wrong", [{"address": "localhost:8000"}, {"timeout_seconds": 0}, {"attempts": 0}, {"first_wait_seconds": -1}]
)
def test_settings_out_of_range_are_refused(wrong):
    settings: dict[str, Any] = {"address": "http://localhost:8000", **wrong}

    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        CompletionServer(**settings)
