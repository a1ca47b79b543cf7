from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
from django.db import connection
from factories import make_user

from labeling.errors import Conflict, Invalid, TooManyAttempts
from labeling.models import RecoveryCode, SecondFactor, User
from labeling.services.second_factor import (
    begin,
    confirm,
    has_second_factor,
    renew_codes,
    secret_of,
    setup_address,
    try_code,
    turn_off,
)

HOME = "192.0.2.1"


def shown(user: User, *, later: int = 0) -> str:
    """What the phone shows so many steps of 30 seconds from now; reckoned by RFC 6238's own terms."""
    secret = secret_of(SecondFactor.objects.get(user=user))
    return pyotp.TOTP(secret, digits=6, interval=30).at(int(time.time()) + 30 * later)


def turned_on(user: User) -> list[str]:
    """The recovery codes of a factor that was confirmed with the code of the step before."""
    begin(user)
    return confirm(user=user, code=shown(user, later=-1))


@pytest.mark.django_db
def test_it_counts_once_the_phone_showed_a_right_code():
    bob = make_user("bob")
    begin(bob)
    assert not has_second_factor(bob)

    with pytest.raises(Invalid, match="this code is not right"):
        confirm(user=bob, code="000000" if shown(bob) != "000000" else "000001")
    assert not has_second_factor(bob)
    codes = confirm(user=bob, code=shown(bob))

    assert has_second_factor(bob)
    assert len(set(codes)) == 10


@pytest.mark.django_db
def test_the_address_for_the_phone_names_the_account_and_the_secret():
    factor = begin(make_user("bob"))

    assert setup_address(factor) == f"otpauth://totp/Prefloop:bob?secret={secret_of(factor)}&issuer=Prefloop"


@pytest.mark.django_db
def test_a_code_is_good_once_and_so_is_every_one_before_it():
    bob = make_user("bob")
    turned_on(bob)
    now, following = shown(bob), shown(bob, later=1)

    assert try_code(user=bob, code=f"{following[:3]} {following[3:]}", address=HOME)
    assert not try_code(user=bob, code=following, address=HOME)
    assert not try_code(user=bob, code=now, address=HOME)


@pytest.mark.django_db
@pytest.mark.parametrize("later", [-2, 2])
def test_a_code_of_another_minute_is_refused(later):
    bob = make_user("bob")
    turned_on(bob)
    SecondFactor.objects.update(last_step=0)

    assert not try_code(user=bob, code=shown(bob, later=later), address=HOME)


@pytest.mark.django_db
def test_a_recovery_code_is_good_once_in_any_writing_and_kept_as_a_digest():
    bob, dora = make_user("bob"), make_user("dora")
    first, second, *_ = turned_on(bob)
    turned_on(dora)

    assert first not in repr(list(RecoveryCode.objects.values()))
    assert not try_code(user=dora, code=first, address=HOME)
    assert try_code(user=bob, code=first, address=HOME)
    assert not try_code(user=bob, code=first, address=HOME)
    assert try_code(user=bob, code=second.lower().replace("-", " "), address=HOME)
    assert RecoveryCode.objects.filter(factor__user=bob, used__isnull=True).count() == 8


@pytest.mark.django_db
def test_new_recovery_codes_end_the_old_ones():
    bob = make_user("bob")
    old, *_ = turned_on(bob)

    new, *_ = renew_codes(bob)

    assert not try_code(user=bob, code=old, address=HOME)
    assert try_code(user=bob, code=new, address=HOME)


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["", "0", "٠٠٠٠٠٠", "\x00", "x" * 1000, "ÄÖÜ"])
def test_what_is_no_code_is_refused(code):
    bob = make_user("bob")
    turned_on(bob)

    assert not try_code(user=bob, code=code, address=HOME)


@pytest.mark.django_db
def test_who_guesses_codes_has_to_wait():
    bob = make_user("bob")
    turned_on(bob)
    for _ in range(5):
        try_code(user=bob, code="x", address=HOME)

    with pytest.raises(TooManyAttempts, match="tried too often"):
        try_code(user=bob, code=shown(bob), address=HOME)


@pytest.mark.django_db
def test_one_that_is_on_is_not_begun_anew_and_one_that_is_off_has_no_codes():
    bob = make_user("bob")
    with pytest.raises(Invalid, match="begin anew"):
        confirm(user=bob, code="1")
    with pytest.raises(Conflict, match="you have no second factor"):
        renew_codes(bob)
    turned_on(bob)

    with pytest.raises(Conflict, match="turn it off first"):
        begin(bob)
    turn_off(bob)
    turn_off(bob)

    assert not has_second_factor(bob)
    assert not try_code(user=bob, code="x", address=HOME)


@pytest.mark.django_db(transaction=True)
def test_a_code_that_is_sent_twice_at_once_is_used_once():
    bob = make_user("bob")
    turned_on(bob)
    code = shown(bob)

    def send(number: int) -> bool:
        try:
            return try_code(user=bob, code=code, address=f"192.0.2.{number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(send, range(4))) == 1


@pytest.mark.django_db
def test_a_use_takes_up_the_new_key_and_without_the_old_one_recovery_codes_are_left(settings):
    bob = make_user("bob")
    codes = turned_on(bob)
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the new one" * 5, [old]

    assert try_code(user=bob, code=shown(bob), address=HOME)
    settings.SECRET_KEY_FALLBACKS = []
    assert secret_of(SecondFactor.objects.get(user=bob))  # encrypted anew
    settings.SECRET_KEY = "a third one" * 5

    assert not try_code(user=bob, code="123456", address=HOME)
    assert try_code(user=bob, code=codes[0], address=HOME)
