from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from labeling.runtime.bridge import Bridge, environ_of

SCOPE = {
    "type": "http",
    "http_version": "1.1",
    "method": "POST",
    "scheme": "https",
    "path": "/p/größe/",
    "root_path": "",
    "query_string": b"a=1&b=%C3%BC",
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"6"), (b"x-forwarded-proto", b"https")],
    "client": ("10.0.0.7", 4711),
    "server": ("127.0.0.1", 8000),
}
ALL = {"type": "http.request", "body": b"abc\nde", "more_body": False}


def asked(application, *, messages=(ALL,), scope=SCOPE, leaves_after=None, sent=None):
    """What a server would send to the browser, which leaves after so many messages."""
    sent, waiting = [] if sent is None else sent, list(messages)

    async def ask():
        left = asyncio.Event()

        async def receive():
            if waiting:
                return waiting.pop(0)
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)
            if len(sent) == leaves_after:
                left.set()
                await asyncio.sleep(0.05)

        await Bridge(application, threads=1, streams=1)(scope, receive, send)

    asyncio.run(ask())
    return sent


def whole(environ, start_response):
    body = environ["wsgi.input"].read().upper()
    start_response("201 Created", [("Content-Length", str(len(body))), ("X-Thing", "ä")])
    return [body]


def test_an_answer_that_says_its_length_is_sent_whole():
    assert asked(whole) == [
        {"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"6"), (b"x-thing", b"\xe4")]},
        {"type": "http.response.body", "body": b"ABC\nDE", "more_body": False},
    ]


def test_a_streamed_answer_is_sent_part_by_part_as_it_is_made():
    made: list[bytes] = []

    def streamed(environ, start_response):
        start_response("200 OK", [])
        for part in (b"one", b"two", b"three"):
            made.append(part)
            yield part

    sent = asked(streamed)

    assert [(each["body"], each["more_body"]) for each in sent[1:]] == [
        (b"one", True),
        (b"two", True),
        (b"three", False),
    ]
    assert made == [b"one", b"two", b"three"]


def test_an_answer_in_more_parts_than_its_length_needs_is_complete():
    def parted(environ, start_response):
        start_response("200 OK", [("Content-Length", "6")])
        return [b"abc", b"def"]

    assert b"".join(each.get("body", b"") for each in asked(parted)) == b"abcdef"


def test_an_answer_without_content_has_a_head_and_an_end():
    def empty(environ, start_response):
        start_response("204 No Content", [("Content-Length", "0")])
        return []

    assert [each["type"] for each in asked(empty)] == ["http.response.start", "http.response.body"]


def test_a_request_that_comes_in_parts_is_read_as_one():
    parts = [
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.request", "body": b"", "more_body": True},
        {"type": "http.request", "body": b"c\nde", "more_body": False},
    ]

    def lines(environ, start_response):
        start_response("200 OK", [])
        return [b"|".join(environ["wsgi.input"].readlines()) + environ["wsgi.input"].read(10)]

    assert asked(lines, messages=parts)[-1]["body"] == b"abc\n|de"


def test_the_application_runs_in_a_thread_and_what_it_made_is_closed():
    seen = []

    class Parts(list[bytes]):
        def close(self):
            seen.append(threading.current_thread().name)

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "1")])
        return Parts([b"x"])

    asked(application)

    assert len(seen) == 1
    assert seen[0].startswith("http")


def test_a_stream_has_a_thread_of_its_own_and_the_context_of_its_request():
    language: contextvars.ContextVar[str] = contextvars.ContextVar("language")
    seen = []

    class Stream:
        streaming = True

        def __iter__(self):
            seen.append((threading.current_thread().name[:6], language.get()))
            yield b"one"
            seen.append((threading.current_thread().name[:6], language.get()))
            yield b"two"

    def application(environ, start_response):
        language.set("de")
        start_response("200 OK", [])
        return Stream()

    sent = asked(application)

    assert [each.get("body") for each in sent[1:]] == [b"one", b"two"]
    assert seen == [("stream", "de")] * 2


def test_an_application_that_fails_fails_the_request():
    def failing(environ, start_response):
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        asked(failing)


def test_an_answer_that_fails_on_its_way_is_not_ended_as_if_it_were_complete():
    def breaking(environ, start_response):
        start_response("200 OK", [])
        yield b"one"
        yield b"two"
        raise LookupError("the database went away")

    sent: list[dict[str, object]] = []
    with pytest.raises(LookupError, match="went away"):
        asked(breaking, sent=sent)

    assert [each.get("body") for each in sent] == [None, b"one"]
    assert not any(each.get("more_body") is False for each in sent)


def test_nobody_goes_on_making_an_answer_for_a_browser_that_left():
    made: list[int] = []
    closed: list[bool] = []

    def endless(environ, start_response):
        start_response("200 OK", [])
        try:
            while len(made) < 1000:
                made.append(1)
                yield b"x"
        finally:
            closed.append(True)

    asked(endless, leaves_after=3)

    assert len(made) < 10
    assert closed == [True]


def test_the_environment_is_that_of_wsgi():
    environ = environ_of(SCOPE, None)

    assert environ["PATH_INFO"].encode("latin-1").decode() == "/p/größe/"
    told = {name: environ[name] for name in ("REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH")}
    assert told == {
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": "a=1&b=%C3%BC",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "6",
    }
    assert (environ["REMOTE_ADDR"], environ["SERVER_PORT"], environ["wsgi.url_scheme"]) == ("10.0.0.7", "8000", "https")
    assert environ["HTTP_X_FORWARDED_PROTO"] == "https"


def test_a_header_with_an_underscore_does_not_pass_for_one_that_a_proxy_sets():
    scope = {
        **SCOPE,
        "scheme": "http",
        "headers": [(b"x_forwarded_proto", b"https"), (b"accept", b"a"), (b"accept", b"b")],
    }

    environ = environ_of(scope, None)

    assert "HTTP_X_FORWARDED_PROTO" not in environ
    assert environ["HTTP_ACCEPT"] == "a,b"
