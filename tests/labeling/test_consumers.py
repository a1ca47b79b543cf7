"""Websockets over the real server."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import psycopg
import pytest
import uvicorn
from django.conf import settings
from django.test import Client
from factories import PASSWORD, judge, make_cast
from procrastinate.contrib.django import connector_params
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from labeling.events import Event, publish
from labeling.models import Membership, User
from labeling.relay import MOST_WAITING, Relay
from labeling.services.erasure import erase_person
from labeling.services.projects import set_member

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def server(transactional_db):
    from labeling.asgi import application

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(application, lifespan="off", log_level="warning", ws="websockets-sansio")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    while not running.started:
        time.sleep(0.02)
    yield f"127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join(timeout=20)
    listening.close()


@pytest.fixture
def cast(transactional_db):
    return make_cast(num_items=3)


@contextmanager
def page_of(user, server, *, slug="colours", origin=None):
    """A websocket with the person's session, as a page of this site opens it."""
    headers = {}
    if user is not None:
        client = Client()
        assert client.login(username=user.username, password=PASSWORD)
        headers["Cookie"] = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    site = Origin(origin or f"http://{server}")
    with connect(f"ws://{server}/ws/p/{slug}/", additional_headers=headers, origin=site, proxy=None) as page:
        yield page


def hear(page, name, *, seconds=10):
    """The next event of this name."""
    until = time.monotonic() + seconds
    while True:
        message = json.loads(page.recv(timeout=until - time.monotonic()))
        if message["event"] == name:
            return message


def settle(page):
    """Wait until the relay listens: it says resync then."""
    hear(page, "resync")


def test_the_first_page_of_a_quiet_process_is_told_once_to_read_the_state(cast, server):
    with page_of(cast.alice, server) as page, page_of(cast.alice, server) as another:
        first = [json.loads(page.recv(timeout=10))["event"], json.loads(another.recv(timeout=10))["event"]]
        judge(cast.project, cast.bob)
        then = [json.loads(page.recv(timeout=10))["event"], json.loads(another.recv(timeout=10))["event"]]

    assert first == ["resync", "resync"]
    assert "resync" not in then


def test_an_admin_hears_of_a_judgement_with_its_details(cast, server):
    with page_of(cast.alice, server) as page:
        settle(page)
        label = judge(cast.project, cast.bob)

        assert hear(page, "label") == {"event": "label", "label": label.pk, "annotator": cast.bob.pk}


def test_an_annotator_hears_that_something_happened_and_not_who_did_it(cast, server):
    with page_of(cast.dora, server) as page:
        settle(page)
        judge(cast.project, cast.bob)

        assert hear(page, "label") == {"event": "label"}


def test_nobody_hears_of_other_projects(cast, server):
    with page_of(cast.alice, server) as page:
        settle(page)
        publish("other-colours", "label", label=1)
        publish("colours", "items", added=2)

        assert json.loads(page.recv(timeout=10)) == {"event": "items", "added": 2}


@pytest.mark.parametrize("who", ["charlie", None])
def test_strangers_and_the_signed_out_are_refused(cast, server, who):
    user = getattr(cast, who) if who else None

    with pytest.raises(InvalidStatus) as refused, page_of(user, server):
        pass

    assert refused.value.response.status_code == 403


def test_a_project_that_does_not_exist_is_refused_in_the_same_way(cast, server):
    with pytest.raises(InvalidStatus) as refused, page_of(cast.alice, server, slug="nowhere"):
        pass

    assert refused.value.response.status_code == 403


def test_a_page_of_another_site_is_refused(cast, server):
    with pytest.raises(InvalidStatus) as refused, page_of(cast.alice, server, origin="https://evil.example"):
        pass

    assert refused.value.response.status_code == 403


def test_somebody_who_loses_their_place_is_closed(cast, server, monkeypatch):
    monkeypatch.setattr("labeling.consumers.RECHECK_SECONDS", 0.2)

    with page_of(cast.dora, server) as page:
        settle(page)
        set_member(project=cast.project, user=cast.dora, role="annotator", is_active=False)

        with pytest.raises(ConnectionClosed) as closed:
            hear(page, "never")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4404


def test_after_the_database_cut_the_line_the_page_is_told_to_read_anew_and_hears_on(cast, server):
    with page_of(cast.alice, server) as page:
        settle(page)
        with psycopg.connect(**connector_params(), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN prefloop%'")

        hear(page, "resync")
        judge(cast.project, cast.bob)

        assert hear(page, "label")["event"] == "label"


def test_a_slow_reader_is_told_to_read_anew_instead_of_filling_the_memory():
    async def overflow():
        relay = Relay()
        async with relay.subscribe("colours") as slow:
            for number in range(MOST_WAITING + 5):  # before it listens
                relay._hand_on(Event(project="colours", name="label", details={"label": number}))
            return slow.qsize(), slow.get_nowait().name

    size, first = asyncio.run(overflow())

    assert size <= MOST_WAITING
    assert first == "resync"


@contextmanager
def session_of(user, server):
    """A page of the person, and the client whose session it has."""
    client = Client()
    assert client.login(username=user.username, password=PASSWORD)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    site = Origin(f"http://{server}")
    with connect(
        f"ws://{server}/ws/p/colours/", additional_headers={"Cookie": cookie}, origin=site, proxy=None
    ) as page:
        hear(page, "resync")
        yield page, client


def closed_with(page):
    """The code with which the server closes the page's socket, before it looks by itself."""
    with pytest.raises(ConnectionClosed) as closed:
        hear(page, "never", seconds=8)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_who_loses_what_they_may_is_closed_at_once_and_nobody_else(cast, server):
    with (
        page_of(cast.alice, server) as alices,
        session_of(cast.bob, server) as (bobs, _),
        session_of(cast.dora, server) as (doras, _),
        session_of(cast.rita, server) as (ritas, _),
    ):
        settle(alices)
        set_member(project=cast.project, user=cast.bob, role="annotator", is_active=False)
        User.objects.filter(pk=cast.dora.pk).update(is_active=False)  # as Django's admin does
        Membership.objects.filter(project=cast.project, user=cast.rita).delete()
        codes = [closed_with(page) for page in (bobs, doras, ritas)]
        publish("colours", "items", added=2)

        assert hear(alices, "items") == {"event": "items", "added": 2}
    assert codes == [4404, 4404, 4404]


def test_the_page_of_a_session_that_ended_is_closed_at_once_and_no_other(cast, server):
    with (
        page_of(cast.alice, server) as alices,
        session_of(cast.bob, server) as (phone, on_phone),
        session_of(cast.bob, server) as (desk, at_desk),
        session_of(cast.dora, server) as (doras, _),
    ):
        settle(alices)
        at_desk.post("/settings/sessions/end/", {"others": "1"})
        first = closed_with(phone)
        set_member(project=cast.project, user=cast.bob, role="researcher")
        judge(cast.project, cast.dora)
        heard = hear(desk, "label")
        at_desk.post("/logout/")
        second = closed_with(desk)
        erase_person(person=cast.dora, actor=cast.dora)
        third = closed_with(doras)

    assert (first, second, third) == (4401, 4401, 4401)
    assert heard["annotator"] == cast.dora.pk  # another role is heard of at once, too
    assert on_phone.get("/").status_code == 302
