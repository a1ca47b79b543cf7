"""Getting a token."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.serializers import TokenIn, TokenOut
from labeling.http import address_of
from labeling.rest import ApiView
from labeling.services.logins import sign_in
from labeling.services.tokens import login_token


class TokenView(ApiView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        request=TokenIn, responses={200: TokenOut, **errors(400, 415, 429)}, auth=[], operation_id="token_create"
    )
    def post(self, request: Request) -> Response:
        """Your token, for the header `Authorization: Token ...`. It is the same at every call, until it is revoked."""
        body = TokenIn(data=request.data)
        body.is_valid(raise_exception=True)
        user = sign_in(**body.validated_data, address=address_of(request._request))
        if user is None:
            raise ValidationError("no active account has this username and password")
        return Response({"token": login_token(user)})
