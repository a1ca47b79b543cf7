"""Guidelines: all versions, one of them, a new one, and that one was read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.serializers import GuidelinesIn, GuidelinesOut, GuidelinesVersionOut, ReadOut
from labeling.models import Guidelines, Scope
from labeling.rest import ApiView, NewestFirst, SignedInApiRequest
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.guidelines import guidelines_history, guidelines_version
from labeling.services.guidelines import mark_read, write_guidelines


class GuidelinesHistoryView(ApiView):
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(
        responses={200: GuidelinesVersionOut(many=True), **errors(400, 401, 404)}, operation_id="guidelines_list"
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """All versions without their texts, the newest first."""
        project = membership_in(slug, user=request.user).project
        paginator = NewestFirst()
        page = paginator.paginate_queryset(guidelines_history(project), request, view=self) or []
        return paginator.get_paginated_response(GuidelinesVersionOut([_shown(row) for row in page], many=True).data)

    @extend_schema(
        request=GuidelinesIn,
        responses={201: GuidelinesOut, **errors(400, 401, 403, 404, 409, 415)},
        operation_id="guidelines_create",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """A new version, in force from now on; for admins. The text in force again makes none."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = GuidelinesIn(data=request.data)
        body.is_valid(raise_exception=True)
        written = write_guidelines(project=project, author=request.user, **body.validated_data)
        return Response(GuidelinesOut({**_shown(written), "text": written.text}).data, status=201)


class GuidelinesView(ApiView):
    @extend_schema(responses={200: GuidelinesOut, **errors(400, 401, 404)}, operation_id="guidelines_retrieve")
    def get(self, request: SignedInApiRequest, slug: str, version: int) -> Response:
        """One version."""
        project = membership_in(slug, user=request.user).project
        found = guidelines_version(project, version)
        return Response(GuidelinesOut({**_shown(found), "text": found.text}).data)


class GuidelinesReadView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(request=None, responses={200: ReadOut, **errors(400, 401, 404)}, operation_id="guidelines_read")
    def post(self, request: SignedInApiRequest, slug: str, version: int) -> Response:
        """Say that you have read a version, and with it all before it."""
        project = membership_in(slug, user=request.user).project
        return Response({"guidelines_read": mark_read(project=project, user=request.user, version=version)})


def _shown(row: Guidelines) -> dict[str, Any]:
    author = row.author.get_username() if row.author else None
    return {"version": row.version, "change": row.change, "author": author, "created": row.created}
