"""Secrets at rest: encrypted with a key that follows from SECRET_KEY, so that a copy of the database tells none."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


class Unreadable(Exception):
    """It was encrypted with a SECRET_KEY that is neither the one in force nor one of SECRET_KEY_FALLBACKS."""

    def __init__(self) -> None:
        super().__init__(
            "a secret in the database was encrypted with another SECRET_KEY: "
            "name that key in SECRET_KEY_FALLBACKS, then run `manage.py reseal`"
        )


def seal(text: str) -> str:
    """Encrypt and sign a text (Fernet: AES-128 in CBC mode, HMAC-SHA256), with the key in force."""
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text.

    Raises:
        Unreadable: it was sealed with a key that is not known any more.
    """
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable from None


def _keys() -> MultiFernet:
    """The first key seals, each of them unseals."""
    known = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    made = (salted_hmac("labeling.sealing", "", secret=key, algorithm="sha256").digest() for key in known)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in made])
