"""A person's own account by API: password, second factor, and where they are signed in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.fields import Strict, Text
from labeling.api.serializers import Out
from labeling.http import address_of
from labeling.models import RecoveryCode, SecondFactor, Session, User
from labeling.rest import ApiView, SignedInApiRequest
from labeling.selectors.sessions import device_name, sessions_of
from labeling.services import second_factor
from labeling.services.passwords import change_password, check_password
from labeling.services.sessions import end_others, end_session, name_of


class SessionOut(Out):
    name = serializers.CharField(help_text="For the address of this session; it does not sign in.")
    device = serializers.CharField(help_text="Browser and system; empty when nothing is known.")
    begun = serializers.DateTimeField()
    last_used = serializers.DateTimeField(help_text="To within a few minutes.")
    is_this = serializers.BooleanField(help_text="The one that asks; a token is none.")


class SessionsOut(Out):
    results = SessionOut(many=True)


class EndedOut(Out):
    ended = serializers.IntegerField(help_text="How many sessions were ended.")


class PasswordIn(Strict):
    password = Text(allow_blank=False, max_length=1000, help_text="The one you have, to be sure.")


class NewPasswordIn(PasswordIn):
    new_password = Text(allow_blank=False, max_length=1000)


class CodeIn(Strict):
    code = Text(allow_blank=False, max_length=40, help_text="What the phone shows now.")


class SecondFactorOut(Out):
    is_on = serializers.BooleanField(help_text="Whether signing in takes a code, too.")
    recovery_codes = serializers.IntegerField(help_text="How many are left.")


class BegunOut(Out):
    secret = serializers.CharField(help_text="Base32, for the phone.")
    address = serializers.CharField(help_text="otpauth://..., for a picture that the phone takes in.")


class CodesOut(Out):
    recovery_codes = serializers.ListField(child=serializers.CharField(), help_text="Told this once.")


class PasswordView(ApiView):
    @extend_schema(
        request=NewPasswordIn,
        responses={204: OpenApiResponse(description="It is changed."), **errors(415)},
        operation_id="password_change",
    )
    def post(self, request: SignedInApiRequest) -> Response:
        """Another password of your own. Every session but the one that asks is ended; tokens are revoked apart."""
        given = _sure(NewPasswordIn, request)
        change_password(user=request.user, new=given["new_password"], keep=_session_key(request))
        if _session_key(request) is not None:
            update_session_auth_hash(request._request, request.user)  # it stays signed in, under a new key
        return Response(status=204)


class SessionsView(ApiView):
    @extend_schema(responses={200: SessionsOut}, operation_id="sessions_list")
    def get(self, request: SignedInApiRequest) -> Response:
        """Where you are signed in, the one used last first."""
        mine = _session_key(request)
        return Response(SessionsOut({"results": [_shown(row, mine) for row in sessions_of(request.user)]}).data)

    @extend_schema(request=None, responses={200: EndedOut}, operation_id="sessions_end_all")
    def delete(self, request: SignedInApiRequest) -> Response:
        """End all your sessions, but not the one that asks."""
        return Response(EndedOut({"ended": end_others(user=request.user, keep=_session_key(request))}).data)


class SessionView(ApiView):
    @extend_schema(
        request=None, responses={204: OpenApiResponse(description="It has ended.")}, operation_id="sessions_end"
    )
    def delete(self, request: SignedInApiRequest, name: str) -> Response:
        """End one of your sessions."""
        end_session(user=request.user, name=name)
        return Response(status=204)


class SecondFactorView(ApiView):
    @extend_schema(responses={200: SecondFactorOut}, operation_id="second_factor_retrieve")
    def get(self, request: SignedInApiRequest) -> Response:
        """Whether your second factor is on."""
        return Response(SecondFactorOut(_state(request.user)).data)

    @extend_schema(
        request=PasswordIn, responses={201: BegunOut, **errors(409, 415)}, operation_id="second_factor_begin"
    )
    def post(self, request: SignedInApiRequest) -> Response:
        """Begin to turn it on: a secret for the phone. It is on once a code of it was sent to `confirm`."""
        _sure(PasswordIn, request)
        factor = second_factor.begin(request.user)
        begun = {"secret": second_factor.secret_of(factor), "address": second_factor.setup_address(factor)}
        return Response(BegunOut(begun).data, status=201)


class ConfirmView(ApiView):
    @extend_schema(request=CodeIn, responses={200: CodesOut, **errors(409, 415)}, operation_id="second_factor_confirm")
    def post(self, request: SignedInApiRequest) -> Response:
        """Turn it on with a code that the phone shows; the answer has the codes for a lost phone."""
        body = CodeIn(data=request.data)
        body.is_valid(raise_exception=True)
        codes = second_factor.confirm(user=request.user, code=body.validated_data["code"])
        return Response(CodesOut({"recovery_codes": codes}).data)


class RecoveryCodesView(ApiView):
    @extend_schema(
        request=PasswordIn, responses={200: CodesOut, **errors(409, 415)}, operation_id="second_factor_codes"
    )
    def post(self, request: SignedInApiRequest) -> Response:
        """Other recovery codes; those of before are worth nothing any more."""
        _sure(PasswordIn, request)
        return Response(CodesOut({"recovery_codes": second_factor.renew_codes(request.user)}).data)


class TurnOffView(ApiView):
    @extend_schema(
        request=PasswordIn,
        responses={200: SecondFactorOut, **errors(415)},
        operation_id="second_factor_off",
    )
    def post(self, request: SignedInApiRequest) -> Response:
        """Turn it off; twice is harmless."""
        _sure(PasswordIn, request)
        second_factor.turn_off(request.user)
        return Response(SecondFactorOut(_state(request.user)).data)


def _sure(shape: type[PasswordIn], request: SignedInApiRequest) -> dict[str, Any]:
    """What was sent, once its password was found to be theirs."""
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    given: dict[str, Any] = body.validated_data
    check_password(user=request.user, password=given["password"], address=address_of(request._request))
    return given


def _session_key(request: SignedInApiRequest) -> str | None:
    """Of the session that asks; None for a token."""
    asked: HttpRequest = request._request
    return None if request.auth is not None else asked.session.session_key


def _shown(row: Session, mine: str | None) -> dict[str, Any]:
    return {
        "name": name_of(row),
        "device": device_name(row.device),
        "begun": row.begun,
        "last_used": row.last_used,
        "is_this": row.session_key == mine,
    }


def _state(user: User) -> dict[str, Any]:
    factor = SecondFactor.objects.filter(user=user, confirmed__isnull=False).first()
    left = RecoveryCode.objects.filter(factor=factor, used__isnull=True).count() if factor else 0
    return {"is_on": factor is not None, "recovery_codes": left}
