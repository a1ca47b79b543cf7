"""Tokens of the API: made, looked up and revoked. What is stored of a token is its digest."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from functools import cache

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from labeling.errors import Conflict, Invalid, NotFound
from labeling.models import ApiToken, Scope, User
from labeling.rows import columns, fetch_one, instances
from labeling.services.texts import check_text

PREFIX = "pf_"
MOST_TOKENS = 50
LOGIN_NAME = "signed in with name and password"


def digest_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


@transaction.atomic
def create_token(
    *, user: User, name: str, scopes: Sequence[str], expires: dt.datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token of a person, and the text of it, which nobody can tell again.

    Raises:
        Invalid: no name, a scope that there is none of, or an end that has passed.
        Conflict: the person has 50 tokens.
    """
    name = check_text(name.strip(), name="the name", limit=100)
    if not name:
        raise Invalid(gettext("a token needs a name that tells what it is for"))
    known = [scope for scope in Scope.values if scope in scopes]
    if not known or set(scopes) - set(known):
        wrong = ", ".join(repr(scope) for scope in scopes if scope not in known) or gettext("nothing")
        raise Invalid(
            gettext("{wrong} is no choice of scopes: take some of {known}").format(
                wrong=wrong, known=", ".join(Scope.values)
            )
        )
    if expires is not None and expires <= timezone.now():
        raise Invalid(gettext("{expires} has passed: a token ends later than now").format(expires=expires.isoformat()))
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if ApiToken.objects.filter(user=user).count() >= MOST_TOKENS:
        raise Conflict(gettext("you have {most} tokens: revoke one first").format(most=MOST_TOKENS), code="too_many")
    text = PREFIX + secrets.token_urlsafe(30)
    token = ApiToken.objects.create(
        user=user, name=name, digest=digest_of(text), beginning=text[:8], scopes=known, expires=expires
    )
    return token, text


@transaction.atomic
def login_token(user: User) -> str:
    """The token of a person who signed in with name and password, for everything that their roles allow.

    It is the same at every call until it is revoked: it follows from the server's secret and the row, in which only its
    digest is.
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    token = ApiToken.objects.filter(user=user, is_login=True).first()
    if token is None:
        token = ApiToken(user=user, name=LOGIN_NAME, scopes=Scope.values, is_login=True, digest="0" * 64)
        token.digest = digest_of(secrets.token_urlsafe(30))  # until the row has an id, from which the token follows
        token.save()
    text = _derived(token)
    if token.digest != digest_of(text):
        token.digest, token.beginning = digest_of(text), text[:8]
        token.save(update_fields=["digest", "beginning"])
    return text


def _derived(token: ApiToken) -> str:
    made = f"{token.pk} {token.user_id} {token.created.isoformat()}"
    return PREFIX + hmac.digest(settings.SECRET_KEY.encode(), f"token {made}".encode(), "sha256").hex()[:40]


@transaction.atomic
def revoke_token(*, user: User, token_id: int) -> ApiToken:
    """End a token of a person at once; what it was.

    Raises:
        NotFound: the person has no such token.
    """
    token = ApiToken.objects.select_for_update().filter(pk=token_id, user=user).first()
    if token is None:
        raise NotFound(gettext("you have no token {token_id}").format(token_id=token_id))
    ApiToken.objects.filter(pk=token.pk).delete()
    return token


def revoke_all(user: User) -> int:
    """End all tokens of a person; how many there were."""
    return ApiToken.objects.filter(user=user).delete()[0]


def bearer(text: str) -> ApiToken | None:
    """The token with its owner, if it is one, has not ended, and its owner may sign in. One statement.

    That it was used is written down every ten minutes at most.
    """
    row = fetch_one(_bearer(), {"digest": digest_of(text)})
    if row is None:
        return None
    token: ApiToken
    token, token.user = instances(row, ApiToken, User)
    return token


@cache
def _bearer() -> str:
    return f"""
WITH used AS (
    UPDATE labeling_apitoken SET last_used = statement_timestamp()
    WHERE digest = %(digest)s AND (expires IS NULL OR expires > statement_timestamp())
        AND (last_used IS NULL OR last_used < statement_timestamp() - interval '10 minutes')
)
SELECT {columns(ApiToken, "token")}, {columns(User, "owner")}
FROM labeling_apitoken token JOIN labeling_user owner ON owner.id = token.user_id
WHERE token.digest = %(digest)s AND owner.is_active AND (token.expires IS NULL OR token.expires > statement_timestamp())
"""
