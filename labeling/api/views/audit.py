"""Who changed what in a project."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.queries import choice, day, identifier
from labeling.api.serializers_people import AuditEntryOut
from labeling.models import ACTIONS, AuditEntry, Scope
from labeling.rest import ApiView, NewestFirst, SignedInApiRequest
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.audit import Wanted, entries

FILTERS = [
    OpenApiParameter("person", OpenApiTypes.INT64, description="Id of who did it, or of whom it is about."),
    OpenApiParameter("action", str, enum=list(ACTIONS), description="One kind of change."),
    OpenApiParameter("since", OpenApiTypes.DATE, description="The first day (UTC)."),
    OpenApiParameter("until", OpenApiTypes.DATE, description="The last day (UTC)."),
]


class AuditView(ApiView):
    reads = Scope.MANAGE
    pagination_class = NewestFirst
    query_parameters: ClassVar = {"GET": NewestFirst.PARAMETERS | {"person", "action", "since", "until"}}

    @extend_schema(
        parameters=FILTERS,
        responses={200: AuditEntryOut(many=True), **errors(400, 401, 403, 404)},
        operation_id="audit_list",
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Who changed what, the newest first; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        wanted = Wanted(
            person=identifier(request, "person"),
            action=choice(request, "action", ["", *ACTIONS], default=""),
            since=day(request, "since"),
            until=day(request, "until"),
        )
        paginator = NewestFirst()
        page = paginator.paginate_queryset(entries(project, wanted), request, view=self) or []
        return paginator.get_paginated_response(AuditEntryOut([_shown(row) for row in page], many=True).data)


def _shown(row: AuditEntry) -> dict[str, Any]:
    return {
        "id": row.pk,
        "created": row.created,
        "actor": row.actor.get_username() if row.actor else None,
        "action": row.action,
        "person": row.person.get_username() if row.person else None,
        "subject": row.subject,
        "before": row.before,
        "after": row.after,
    }
