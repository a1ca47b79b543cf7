"""Trying a password: whether it may be tried now, and how long somebody who guesses has to wait.

What fails is counted for an account at an address, for an account, and for an address. After some tries each failure
makes the next one wait, twice as long each time up to a minute: guessing gets nowhere, and nobody is kept from their
account for longer than that. Who signed in to an account from an address before is held up only by what fails from
there, so others who guess elsewhere don't keep them out. What is refused is not counted.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import ngettext

from labeling.errors import TooManyAttempts
from labeling.models import LoginAttempts, User

FORGOTTEN = dt.timedelta(hours=1)
"""Failures don't count any more when so long has passed without another."""
KNOWN = dt.timedelta(days=90)
"""For so long after signing in from an address somebody is known there."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures are free; each one after them makes the next try wait, up to so many seconds."""

    free: int
    longest: int

    def wait(self, failures: int) -> int:
        """Seconds between the last failure and the next try."""
        beyond = failures - self.free
        return 0 if beyond < 0 else min(2 ** min(beyond + 1, 16), self.longest)


ACCOUNT_AT_ADDRESS = Limit(free=5, longest=60)
ACCOUNT = Limit(free=20, longest=30)
ADDRESS = Limit(free=100, longest=60)  # an office has one


@dataclass(frozen=True, slots=True)
class Attempt:
    """The keys under which one try is counted."""

    pair: str
    account: str
    address: str

    @property
    def limits(self) -> dict[str, Limit]:
        """The limit of each key."""
        return {self.pair: ACCOUNT_AT_ADDRESS, self.account: ACCOUNT, self.address: ADDRESS}


def attempt(*, account: str, address: str, what: str = "password") -> Attempt:
    """The keys for trying something, a password or a code, for an account from an address."""

    def key(*parts: str) -> str:
        return salted_hmac("labeling.logins", "\x1f".join((what, *parts)), algorithm="sha256").hexdigest()

    name = account.casefold()
    return Attempt(pair=key("pair", name, address), account=key("account", name), address=key("address", address))


def sign_in(*, username: str, password: str, address: str) -> User | None:
    """The active account that has this name and password; None when there is none.

    Raises:
        TooManyAttempts: it failed too often lately, for this account or from this address.
    """
    tried = attempt(account=username, address=address)
    admit(tried)
    user = authenticate(None, username=username, password=password)
    if not isinstance(user, User):
        return None
    forgive(tried)
    return user


@transaction.atomic
def admit(tried: Attempt) -> None:
    """Let a try through and count it as one that fails, until ``forgive`` says otherwise.

    It is counted before it is known how it ends: else a thousand that are sent at once would all be let through.

    Raises:
        TooManyAttempts: it has to wait.
    """
    keys = sorted(tried.limits)  # always in one order, so that none waits for another that waits for it
    new = [LoginAttempts(key=key, last=timezone.now()) for key in keys]
    LoginAttempts.objects.bulk_create(new, ignore_conflicts=True)
    rows = {row.key: row for row in LoginAttempts.objects.select_for_update().filter(key__in=keys).order_by("key")}
    now = timezone.now()  # after those that were waited for
    known = rows[tried.pair].succeeded
    is_known = known is not None and known > now - KNOWN
    counted = [rows[key] for key in ([tried.pair] if is_known else keys)]
    for row in counted:
        if row.last < now - FORGOTTEN:
            row.failures = 0
    seconds = max(_seconds_left(row, tried.limits[row.key], now) for row in counted)
    if seconds > 0:
        raise TooManyAttempts(say_wait(seconds), seconds=seconds)
    for row in counted:
        row.failures, row.last = row.failures + 1, now
    LoginAttempts.objects.bulk_update(counted, ["failures", "last"])


def _seconds_left(row: LoginAttempts, limit: Limit, now: dt.datetime) -> int:
    wait = limit.wait(row.failures)
    # Clocks of two machines differ: a try of another one may be in the future.
    return math.ceil((row.last + dt.timedelta(seconds=wait) - now).total_seconds()) if wait else 0


def say_wait(seconds: int) -> str:
    """How long to wait, in words."""
    return ngettext(
        "That was tried too often. Wait %(seconds)d second, then try again.",
        "That was tried too often. Wait %(seconds)d seconds, then try again.",
        seconds,
    ) % {"seconds": seconds}


@transaction.atomic
def forgive(tried: Attempt) -> None:
    """The try was right: what failed before it for this account is forgotten, and the address is known."""
    now = timezone.now()
    rows = LoginAttempts.objects.select_for_update().filter(key__in=tried.limits).order_by("key")
    found = {row.key for row in rows}
    LoginAttempts.objects.filter(key__in={tried.pair, tried.account} & found).update(failures=0)
    LoginAttempts.objects.filter(key=tried.pair).update(succeeded=now)
    LoginAttempts.objects.filter(key=tried.address, failures__gt=0).update(failures=F("failures") - 1)
    _sweep(now)


def _sweep(now: dt.datetime) -> None:
    """Delete some rows that nothing asks for any more; those that somebody holds are left for another time."""
    old = Q(last__lt=now - FORGOTTEN, succeeded__isnull=True) | Q(last__lt=now - KNOWN)
    rows = LoginAttempts.objects.select_for_update(skip_locked=True).filter(old).order_by("last")
    LoginAttempts.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:200])).delete()
