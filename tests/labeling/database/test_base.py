from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError, connection
from procrastinate.contrib.django import connector_params

pytestmark = pytest.mark.django_db(transaction=True)


def end_from_elsewhere(pid):
    """As the server does when it is shut down."""
    with psycopg.connect(**connector_params(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def backend():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def test_a_connection_that_rests_is_usable_and_is_not_asked():
    backend()

    with connection.execute_wrapper(lambda *_: pytest.fail("it was asked")):
        assert connection.is_usable()


def test_a_connection_that_the_server_ended_is_not_usable():
    end_from_elsewhere(backend())

    assert not connection.is_usable()
    connection.close()


def test_a_request_after_a_restart_of_the_database_gets_a_new_connection(client):
    first = backend()
    end_from_elsewhere(first)

    connection.close_if_unusable_or_obsolete()  # what the beginning of a request does

    assert client.get("/login/").status_code == 200
    assert backend() != first


def test_a_connection_that_broke_in_the_request_before_is_left_without_an_error(client):
    first = backend()
    end_from_elsewhere(first)
    with pytest.raises(OperationalError):
        backend()

    connection.close_if_unusable_or_obsolete()

    assert client.get("/login/").status_code == 200
    assert backend() != first


def test_without_a_connection_there_is_none_to_be_used():
    connection.close()

    assert not connection.is_usable()
