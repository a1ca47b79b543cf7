from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client


@pytest.fixture
def without_database(monkeypatch) -> Client:
    """A client that gets the error page instead of the exception, from a server whose database fails."""

    def fail(*arguments: object, **options: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", fail)
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "somebody"
    return client


def test_a_page_says_that_the_database_is_away(without_database):
    answer = without_database.get("/")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "2"
    assert "The database is away for a moment" in answer.content.decode()


def test_the_api_says_so_in_json(without_database):
    answer = without_database.get("/api/v1/projects/")

    assert answer.status_code == 503
    assert answer.json()["code"] == "database_away"
