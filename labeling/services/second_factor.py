"""A second factor at signing in: codes that change every 30 seconds (RFC 6238), and codes for a lost phone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import time

import pyotp
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from labeling.errors import Conflict, Invalid
from labeling.models import RecoveryCode, SecondFactor, User
from labeling.sealing import Unreadable, seal, unseal
from labeling.services.logins import admit, attempt, forgive

ISSUER = "Prefloop"
STEP_SECONDS = 30
NUM_RECOVERY_CODES = 10
logger = logging.getLogger(__name__)
WRONG_CODE = gettext_noop("this code is not right, or it was used before: wait for the next one")


def has_second_factor(user: User) -> bool:
    """Whether the password alone does not sign this person in."""
    return SecondFactor.objects.filter(user=user, confirmed__isnull=False).exists()


@transaction.atomic
def begin(user: User) -> SecondFactor:
    """A new secret for the person's phone; it counts when a code of it was shown (``confirm``).

    Raises:
        Conflict: there is a second factor already.
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is not None and factor.confirmed is not None:
        raise Conflict(gettext("you have a second factor already: turn it off first"), code="second_factor_on")
    if factor is None:
        factor = SecondFactor(user=user)
    factor.sealed = seal(pyotp.random_base32())
    factor.save()
    return factor


def secret_of(factor: SecondFactor) -> str:
    """The secret, in Base32.

    Raises:
        sealing.Unreadable: it was encrypted with a SECRET_KEY that is not known any more.
    """
    return unseal(factor.sealed)


def setup_address(factor: SecondFactor) -> str:
    """What an app on a phone takes in, from a picture or by a tap."""
    return pyotp.TOTP(secret_of(factor)).provisioning_uri(name=factor.user.get_username(), issuer_name=ISSUER)


@transaction.atomic
def confirm(*, user: User, code: str) -> list[str]:
    """Turn the second factor on, once the phone shows a right code.

    Returns:
        The recovery codes, which are shown once.

    Raises:
        Invalid: the code is not right, or nothing was begun.
        Conflict: it is on already.
    """
    factor = SecondFactor.objects.select_for_update().filter(user=user).first()
    if factor is None:
        raise Invalid(gettext("nothing was begun: begin anew"))
    if factor.confirmed is not None:
        raise Conflict(gettext("you have a second factor already: turn it off first"), code="second_factor_on")
    if not _use_step(factor, _plain(code)):
        raise Invalid(gettext(WRONG_CODE))
    factor.confirmed = timezone.now()
    factor.save(update_fields=["confirmed"])
    return _new_codes(factor)


@transaction.atomic
def renew_codes(user: User) -> list[str]:
    """Other recovery codes; those of before are worth nothing any more.

    Raises:
        Conflict: there is no second factor.
    """
    factor = SecondFactor.objects.select_for_update().filter(user=user, confirmed__isnull=False).first()
    if factor is None:
        raise Conflict(gettext("you have no second factor"), code="second_factor_off")
    return _new_codes(factor)


def turn_off(user: User) -> None:
    """Remove the second factor with its recovery codes; doing it twice is harmless."""
    SecondFactor.objects.filter(user=user).delete()


def try_code(*, user: User, code: str, address: str) -> bool:
    """Whether this is a right code of the person's, from their phone or for recovery. It is used up by that.

    Raises:
        TooManyAttempts: it failed too often lately.
    """
    tried = attempt(account=str(user.pk), address=address, what="code")
    admit(tried)
    is_right = _use(user, code)
    if is_right:
        forgive(tried)
    return is_right


@transaction.atomic
def _use(user: User, code: str) -> bool:
    # Two who send the same code at once wait here for each other, so that it is used once.
    factor = SecondFactor.objects.select_for_update().filter(user=user, confirmed__isnull=False).first()
    if factor is None:
        return False
    plain = _plain(code)
    if plain.isdecimal():
        return _use_step(factor, plain)
    unused = RecoveryCode.objects.filter(factor=factor, digest=_digest(plain), used__isnull=True)
    return unused.update(used=timezone.now()) == 1


def _use_step(factor: SecondFactor, digits: str) -> bool:
    """Use the code of this 30-second step, or of the one before or after: clocks differ. None is good twice."""
    now = int(time.time()) // STEP_SECONDS
    try:
        phone = pyotp.TOTP(secret_of(factor))
    except Unreadable as error:
        logger.error("%s can't be checked, only recovery codes are left: %s", factor, error)
        return False
    for step in (now - 1, now, now + 1):
        made = phone.generate_otp(step)
        if step > factor.last_step and hmac.compare_digest(made.encode(), digits.encode()):
            factor.last_step, factor.sealed = step, seal(phone.secret)  # with the key in force now
            factor.save(update_fields=["last_step", "sealed"])
            return True
    return False


def _plain(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isalnum() and letter.isascii())


def _digest(plain: str) -> str:
    """What is kept of a recovery code: with 80 random bits a plain hash tells nothing."""
    return hashlib.sha256(plain.encode()).hexdigest()


def _new_codes(factor: SecondFactor) -> list[str]:
    plain = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(NUM_RECOVERY_CODES)]
    RecoveryCode.objects.filter(factor=factor).delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(factor=factor, digest=_digest(code)) for code in plain])
    return ["-".join(code[place : place + 4] for place in range(0, 16, 4)) for code in plain]


def reseal() -> int:
    """Encrypt every secret with the SECRET_KEY in force, so that those of before are not needed any more; how many.

    Raises:
        sealing.Unreadable: one was encrypted with a key that is not known any more; nothing is changed.
    """
    with transaction.atomic():
        factors = list(SecondFactor.objects.select_for_update().order_by("pk"))
        for factor in factors:
            factor.sealed = seal(secret_of(factor))
        return SecondFactor.objects.bulk_update(factors, ["sealed"], batch_size=500)
