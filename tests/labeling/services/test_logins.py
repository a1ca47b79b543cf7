from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models import F
from factories import PASSWORD, make_user

from labeling.errors import TooManyAttempts
from labeling.models import LoginAttempts
from labeling.services.logins import ACCOUNT, ACCOUNT_AT_ADDRESS, ADDRESS, sign_in

HOME, AWAY = "192.0.2.1", "198.51.100.7"


def fail(times: int, *, username: str = "bob", address: str = HOME) -> None:
    """So many wrong passwords, with the waits between them spent."""
    for _ in range(times):
        sign_in(username=username, password="wrong", address=address)
        later(61)


def later(seconds: int) -> None:
    """So much time passes."""
    LoginAttempts.objects.update(last=F("last") - dt.timedelta(seconds=seconds))


def seconds_to_wait(*, username: str = "bob", address: str = HOME) -> int:
    """What somebody is told who tries once more."""
    with pytest.raises(TooManyAttempts) as refused:
        sign_in(username=username, password=PASSWORD, address=address)
    return refused.value.seconds


@pytest.mark.parametrize(
    ("limit", "failures", "wait"),
    [
        (ACCOUNT_AT_ADDRESS, 4, 0),
        (ACCOUNT_AT_ADDRESS, 5, 2),
        (ACCOUNT_AT_ADDRESS, 6, 4),
        (ACCOUNT_AT_ADDRESS, 10_000, 60),
        (ACCOUNT, 19, 0),
        (ACCOUNT, 10_000, 30),
        (ADDRESS, 99, 0),
        (ADDRESS, 10_000, 60),
    ],
)
def test_waits_double_and_are_never_longer_than_a_minute(limit, failures, wait):
    assert limit.wait(failures) == wait


@pytest.mark.django_db
def test_after_five_failures_the_right_password_has_to_wait_too_and_then_opens():
    bob = make_user("bob")
    for _ in range(5):
        assert sign_in(username="bob", password="wrong", address=HOME) is None

    assert seconds_to_wait() in (1, 2)
    later(2)

    assert sign_in(username="bob", password=PASSWORD, address=HOME) == bob


@pytest.mark.django_db
def test_what_is_refused_does_not_make_the_wait_longer():
    make_user("bob")
    for _ in range(5):
        sign_in(username="bob", password="wrong", address=HOME)

    waits = [seconds_to_wait() for _ in range(10)]

    assert max(waits) <= 2


@pytest.mark.django_db
def test_signing_in_forgets_the_failures():
    bob = make_user("bob")
    fail(4)
    sign_in(username="bob", password=PASSWORD, address=HOME)

    fail(4)

    assert sign_in(username="bob", password=PASSWORD, address=HOME) == bob


@pytest.mark.django_db
def test_an_hour_without_a_failure_forgets_them_too():
    bob = make_user("bob")
    fail(9)
    later(3601)

    fail(4)

    assert sign_in(username="bob", password=PASSWORD, address=HOME) == bob


@pytest.mark.django_db
def test_guessing_from_many_addresses_makes_the_account_wait_at_new_ones_but_not_where_its_owner_was():
    bob = make_user("bob")
    sign_in(username="bob", password=PASSWORD, address=HOME)
    for number in range(30):
        LoginAttempts.objects.update(last=F("last") - dt.timedelta(seconds=31))
        sign_in(username="bob", password="wrong", address=f"203.0.113.{number}")

    assert 1 <= seconds_to_wait(address=AWAY) <= 30
    assert sign_in(username="bob", password=PASSWORD, address=HOME) == bob


@pytest.mark.django_db
def test_one_address_that_tries_many_accounts_has_to_wait_and_another_address_has_not():
    dora = make_user("dora")
    for number in range(100):
        sign_in(username=f"person-{number}", password="wrong", address=AWAY)

    assert seconds_to_wait(username="dora", address=AWAY) in (1, 2)
    assert sign_in(username="dora", password=PASSWORD, address=HOME) == dora


@pytest.mark.django_db
def test_a_name_that_has_no_account_waits_as_one_that_has():
    make_user("bob")
    for username in ("bob", "nobody"):
        for _ in range(5):
            sign_in(username=username, password="wrong", address=HOME)

    assert seconds_to_wait(username="bob") == seconds_to_wait(username="nobody")


@pytest.mark.django_db
def test_a_try_on_a_machine_whose_clock_is_ahead_makes_nobody_wait():
    bob = make_user("bob")
    sign_in(username="bob", password="wrong", address=HOME)
    later(-5)

    assert sign_in(username="bob", password=PASSWORD, address=HOME) == bob


@pytest.mark.django_db
def test_neither_names_nor_addresses_are_kept():
    sign_in(username="my secret, typed into the wrong field", password="wrong", address=HOME)

    kept = " ".join(LoginAttempts.objects.values_list("key", flat=True))

    assert len(kept.split()) == 3
    assert HOME not in kept
    assert "secret" not in kept


@pytest.mark.django_db
def test_rows_that_nothing_asks_for_any_more_are_swept_away():
    make_user("bob")
    sign_in(username="nobody", password="wrong", address=AWAY)
    later(3601)

    sign_in(username="bob", password=PASSWORD, address=HOME)

    assert LoginAttempts.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_guesses_that_are_sent_at_once_are_not_all_let_through():
    make_user("bob")

    def guess(_: int) -> bool:
        try:
            sign_in(username="bob", password="wrong", address=HOME)
        except TooManyAttempts:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        let_through = list(threads.map(guess, range(24)))

    assert sum(let_through) == 5
