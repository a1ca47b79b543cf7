"""How many requests pass in a minute, over several web processes."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from factories import api_client, make_user

from labeling import throttling
from labeling.models import ApiUse
from labeling.throttling import Gate

pytestmark = pytest.mark.django_db


def passed(gates: list[Gate], *, limit: int, minute: int, attempts: int) -> int:
    """How many of so many requests pass, each process getting every nth."""
    return sum(gates[n % len(gates)].passes("bob read", limit=limit, minute=minute) for n in range(attempts))


def test_one_process_lets_exactly_the_limit_pass_and_begins_anew_each_minute():
    gate = Gate()

    assert passed([gate], limit=100, minute=7, attempts=150) == 100
    assert passed([gate], limit=100, minute=7, attempts=50) == 0
    assert passed([gate], limit=100, minute=8, attempts=150) == 100


def test_several_processes_keep_to_the_limit_together():
    gates = [Gate(), Gate(), Gate(), Gate()]

    assert passed(gates, limit=200, minute=7, attempts=1000) == 200
    assert passed(gates, limit=200, minute=8, attempts=1000) == 200


def test_process_that_comes_late_gets_its_first_twentieth_and_no_more():
    assert passed([Gate()], limit=100, minute=7, attempts=150) == 100

    assert passed([Gate()], limit=100, minute=7, attempts=150) == 5


def test_database_is_asked_once_in_a_twentieth_of_the_limit():
    gate = Gate()

    with CaptureQueriesContext(connection) as queries:
        passed([gate], limit=1000, minute=7, attempts=1000)

    assert len(queries) == 19  # 50 pass unasked, then 19 times 50


def test_people_do_not_use_up_each_other_s_share():
    gate = Gate()
    for _ in range(30):
        gate.passes("bob read", limit=20, minute=7)

    assert gate.passes("dora read", limit=20, minute=7)
    assert gate.passes("bob judge", limit=20, minute=7)
    assert not gate.passes("bob read", limit=20, minute=7)


def test_limit_of_one_lets_one_pass():
    assert passed([Gate()], limit=1, minute=7, attempts=5) == 1


def test_request_too_many_is_told_when_to_come_back(settings, monkeypatch):
    settings.API_REQUESTS_PER_MINUTE = 40
    monkeypatch.setattr(throttling, "GATE", Gate())
    monkeypatch.setattr("labeling.throttling.time.time", lambda: 60 * 7 + 18.0)
    client = api_client(make_user("bob"))
    dora = api_client(make_user("dora"))

    statuses = [client.get("/api/v1/projects/").status_code for _ in range(41)]
    refused = client.get("/api/v1/projects/")

    assert statuses == [200] * 40 + [429]
    assert (refused.json()["code"], refused["Retry-After"]) == ("throttled", "42")
    assert dora.get("/api/v1/projects/").status_code == 200
    assert ApiUse.objects.get().granted == 40


def test_judging_gets_ten_times_as_much(settings, monkeypatch):
    settings.API_REQUESTS_PER_MINUTE = 2
    monkeypatch.setattr(throttling, "GATE", Gate())
    monkeypatch.setattr("labeling.throttling.time.time", lambda: 60.0)
    client = api_client(make_user("bob"))

    statuses = [client.post("/api/v1/assignments/1/heartbeat/").status_code for _ in range(21)]

    assert statuses == [404] * 20 + [429]
