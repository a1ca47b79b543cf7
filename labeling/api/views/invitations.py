"""Links that invite into a project, and following one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.serializers import ProjectOut
from labeling.api.serializers_people import InvitationIn, InvitationMadeOut, InvitationOut, JoinIn
from labeling.api.views.projects import detail
from labeling.models import Invitation, Scope
from labeling.rest import ApiView, NewestFirst, SignedInApiRequest
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.people import group_of, invitation_of, invitations_of
from labeling.services.invitations import accept, make_invitation, revoke_invitation


class InvitationsView(ApiView):
    reads = Scope.MANAGE
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(
        responses={200: InvitationOut(many=True), **errors(400, 401, 403, 404)}, operation_id="invitations_list"
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """The links of the project, the newest first; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        paginator = NewestFirst()
        page = paginator.paginate_queryset(invitations_of(project), request, view=self) or []
        return paginator.get_paginated_response(InvitationOut([_shown(row) for row in page], many=True).data)

    @extend_schema(
        request=InvitationIn,
        responses={201: InvitationMadeOut, **errors(400, 401, 403, 404, 415)},
        operation_id="invitations_create",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """A new link; its token is in this answer and kept nowhere."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = InvitationIn(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        if given.get("group") is not None:
            given["group"] = group_of(project, given["group"])
        made = make_invitation(project=project, author=request.user, **given)
        row = invitations_of(project).get(pk=made.invitation.pk)
        return Response(InvitationMadeOut({**_shown(row), "token": made.token}).data, status=201)


class InvitationView(ApiView):
    @extend_schema(responses={204: None, **errors(401, 403, 404)}, operation_id="invitations_revoke")
    def delete(self, request: SignedInApiRequest, slug: str, invitation_id: int) -> Response:
        """Revoke a link; who joined by it stays. Twice is harmless."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        revoke_invitation(invitation=invitation_of(project, invitation_id), changed_by=request.user)
        return Response(status=204)


class JoinView(ApiView):
    @extend_schema(
        request=JoinIn, responses={200: ProjectOut, **errors(400, 401, 403, 404, 409, 415)}, operation_id="join"
    )
    def post(self, request: SignedInApiRequest) -> Response:
        """Join a project by the token of an invitation, with the account that asks."""
        body = JoinIn(data=request.data)
        body.is_valid(raise_exception=True)
        place = accept(token=body.validated_data["token"], user=request.user)
        return Response(detail(place.project, request.user))


def _shown(row: Invitation) -> dict[str, Any]:
    return {
        "id": row.pk,
        "role": row.role,
        "group": row.group_id,
        "max_uses": row.max_uses,
        "num_uses": row.num_uses,
        "expires": row.expires,
        "revoked": row.revoked,
        "is_good": row.is_good,  # type: ignore[attr-defined]  # invitations_of says it
    }
