"""How programs sign in: a token in the header Authorization, with the scopes that its owner gave it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from labeling.models import ApiToken, Scope, User
from labeling.services.tokens import bearer

KEYWORDS = {b"token", b"bearer"}


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token ...`, or Bearer."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The owner of the token and the token; None without the header.

        Raises:
            AuthenticationFailed: a header that is not understood, or a token that is not valid.
        """
        words = get_authorization_header(request).split()
        if not words or words[0].lower() not in KEYWORDS:
            return None
        if len(words) != 2:
            raise AuthenticationFailed(_("the header Authorization is the word Token, a space and the token"))
        token = bearer(words[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed(
                _("this token is not valid: it was revoked, has ended, or never was one; make one under Settings")
            )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return "Token"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself, untyped
    """The same in the description of the API."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A header, since the word before the token is not Bearer."""
        scopes = "; ".join(f"`{scope.value}`: {scope.label}" for scope in Scope)
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": f"`Token ...`, as `POST /api/v1/token/` or the settings give it. Scopes: {scopes}.",
        }
