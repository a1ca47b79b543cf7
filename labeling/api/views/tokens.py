"""A person's tokens, by API."""

from __future__ import annotations

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.fields import Strict, Text
from labeling.api.serializers import Out
from labeling.errors import NotAllowed
from labeling.models import ApiToken, Scope
from labeling.rest import ApiView, NewestFirst, SignedInApiRequest
from labeling.selectors.tokens import tokens_of
from labeling.services.tokens import create_token, revoke_token


class NewTokenIn(Strict):
    name = Text(allow_blank=False, max_length=100, help_text="What it is for.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(Scope.choices), min_length=1, help_text="What it may be used for."
    )
    expires = serializers.DateTimeField(required=False, allow_null=True, help_text="Later than now; null: never.")


class StoredTokenOut(Out):
    id = serializers.IntegerField()
    name = serializers.CharField()
    beginning = serializers.CharField(help_text="Its first characters, to tell it by.")
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    is_login = serializers.BooleanField(help_text="The one that POST /api/v1/token/ hands out.")
    expires = serializers.DateTimeField(allow_null=True)
    last_used = serializers.DateTimeField(allow_null=True, help_text="To within ten minutes.")
    created = serializers.DateTimeField()


class NewTokenOut(StoredTokenOut):
    token = serializers.CharField(help_text="Told this once.")


class TokensView(ApiView):
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(responses={200: StoredTokenOut(many=True)}, operation_id="tokens_list")
    def get(self, request: SignedInApiRequest) -> Response:
        """Your own tokens, the newest first; what is stored of one does not tell it."""
        paginator = NewestFirst()
        page = paginator.paginate_queryset(tokens_of(request.user), request, view=self) or []
        return paginator.get_paginated_response(StoredTokenOut(page, many=True).data)

    @extend_schema(request=NewTokenIn, responses={201: NewTokenOut, **errors(409, 415)}, operation_id="tokens_create")
    def post(self, request: SignedInApiRequest) -> Response:
        """A new token of your own. Made with a token, it has no scope that this one has not."""
        body = NewTokenIn(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        if isinstance(request.auth, ApiToken) and set(given["scopes"]) - set(request.auth.scopes):
            raise NotAllowed(
                gettext("your token has the scopes {scopes}: it can't make one with more").format(
                    scopes=", ".join(request.auth.scopes)
                ),
                code="scope_missing",
            )
        made, text = create_token(user=request.user, **given)
        made.token = text  # type: ignore[attr-defined]  # for this one answer
        return Response(NewTokenOut(made).data, status=201)


class RevokeTokenView(ApiView):
    @extend_schema(
        request=None, responses={204: OpenApiResponse(description="It has ended.")}, operation_id="tokens_revoke"
    )
    def delete(self, request: SignedInApiRequest, token_id: int) -> Response:
        """End one of your tokens at once."""
        revoke_token(user=request.user, token_id=token_id)
        return Response(status=204)
