"""What a service may refuse. labeling.http maps each to one status for pages, fragments and API alike."""

from __future__ import annotations


class DomainError(Exception):
    """Refused, with a sentence for the person and a code for the program."""

    code = "refused"

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code


class Invalid(DomainError):
    """The input breaks a rule; the message names the value and the remedy."""

    code = "invalid"


class NotFound(DomainError):
    """There is no such thing for this person; whether it exists for others is not said."""

    code = "not_found"


class NotAllowed(DomainError):
    """The person knows of the thing and may not do this with it."""

    code = "not_allowed"


class SecondFactorNeeded(NotAllowed):
    """The project lets nobody of this person's role in without a second factor; they can set one up."""

    code = "second_factor_required"


class Conflict(DomainError):
    """Right in itself, but the state of things has moved on."""

    code = "conflict"


class Stale(DomainError):
    """It has changed since the person read it, so that a change would undo somebody else's."""

    code = "stale"


class TooManyAttempts(DomainError):
    """Tried too often; after so many seconds it may be tried again."""

    code = "throttled"

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds
