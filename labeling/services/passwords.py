"""Changing one's password: whoever was signed in with the old one is signed out."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.models import User
from labeling.services.logins import sign_in
from labeling.services.sessions import end_others


def check_password(*, user: User, password: str, address: str) -> None:
    """The password once more, so that nobody changes the account with what was left open.

    Raises:
        Invalid: it is not theirs.
        TooManyAttempts: it failed too often lately.
    """
    if sign_in(username=user.get_username(), password=password, address=address) != user:
        raise Invalid(gettext("This is not your password."), code="password_wrong")


@transaction.atomic
def change_password(*, user: User, new: str, keep: str | None = None) -> None:
    """Another password; every session but the one of the key ``keep`` is ended. Tokens go on: they are revoked apart.

    Raises:
        Invalid: too short, too common, or too much like the name.
    """
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), code="password_weak") from None
    user.set_password(new)
    user.save(update_fields=["password"])
    end_others(user=user, keep=keep)
