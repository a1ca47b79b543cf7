"""Getting a token."""

from __future__ import annotations

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.serializers import TokenIn, TokenOut
from labeling.errors import Invalid
from labeling.http import address_of
from labeling.rest import ApiView
from labeling.services.logins import sign_in
from labeling.services.second_factor import WRONG_CODE, has_second_factor, try_code
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
        given, address = body.validated_data, address_of(request._request)
        user = sign_in(username=given["username"], password=given["password"], address=address)
        if user is None:
            raise ValidationError("no active account has this username and password")
        if has_second_factor(user):
            if "code" not in given:
                raise Invalid(gettext("this account has a second factor: send its code"), code="second_factor_needed")
            if not try_code(user=user, code=given["code"], address=address):
                raise Invalid(gettext(WRONG_CODE), code="second_factor_wrong")
        return Response({"token": login_token(user)})
