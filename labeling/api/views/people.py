"""A project's members and groups; for its admins."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.serializers_people import AddedOut, EraseIn, GroupIn, GroupOut, MemberIn, MemberOut, PlaceIn
from labeling.errors import Invalid
from labeling.models import Membership, Scope
from labeling.rest import ApiView, Cursor, SignedInApiRequest
from labeling.selectors.access import MANAGERS, members, membership_in
from labeling.selectors.labels import pseudonym
from labeling.selectors.people import group_of, groups_of, member_of
from labeling.services.erasure import erase_person
from labeling.services.groups import make_group, remove_group, rename_group
from labeling.services.people import invite
from labeling.services.projects import set_member


class MembersView(ApiView):
    reads = Scope.MANAGE
    pagination_class = Cursor
    query_parameters = {"GET": Cursor.PARAMETERS}

    @extend_schema(responses={200: MemberOut(many=True), **errors(400, 401, 403, 404)}, operation_id="members_list")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Everybody in the project, those who left too, as they came."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        paginator = Cursor()
        page = paginator.paginate_queryset(members(project).order_by("pk"), request, view=self) or []
        return paginator.get_paginated_response(MemberOut([shown(place) for place in page], many=True).data)

    @extend_schema(
        request=MemberIn, responses={201: AddedOut, **errors(400, 401, 403, 404, 409, 415)}, operation_id="members_add"
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Add an account that exists, or make one with a generated password."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = MemberIn(data=request.data)
        body.is_valid(raise_exception=True)
        added = invite(project=project, changed_by=request.user, **body.validated_data)
        place = member_of(project, added.membership.user_id)
        return Response(AddedOut({**shown(place), "password": added.password}).data, status=201)


class MemberView(ApiView):
    reads = Scope.MANAGE

    @extend_schema(responses={200: MemberOut, **errors(401, 403, 404)}, operation_id="members_retrieve")
    def get(self, request: SignedInApiRequest, slug: str, user_id: int) -> Response:
        """One member."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        return Response(MemberOut(shown(member_of(project, user_id))).data)

    @extend_schema(
        request=PlaceIn,
        responses={200: MemberOut, **errors(400, 401, 403, 404, 409, 415)},
        operation_id="members_change",
    )
    def patch(self, request: SignedInApiRequest, slug: str, user_id: int) -> Response:
        """Change role, group or daily limit, or take somebody out and in again. Labels and drafts stay."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        place = member_of(project, user_id)
        body = PlaceIn(data=request.data)
        body.is_valid(raise_exception=True)
        change: dict[str, Any] = {"role": place.role, "is_active": place.is_active, **body.validated_data}
        if change.get("group") is not None:
            change["group"] = group_of(project, change["group"])
        set_member(project=project, user=place.user, changed_by=request.user, **change)
        return Response(MemberOut(shown(member_of(project, user_id))).data)


class EraseView(ApiView):
    @extend_schema(
        request=EraseIn,
        responses={200: MemberOut, **errors(400, 401, 403, 404, 409, 415)},
        operation_id="members_erase",
    )
    def post(self, request: SignedInApiRequest, slug: str, user_id: int) -> Response:
        """Delete a person's data for good, in all projects; labels stay under the pseudonym. Name them to be sure."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        place = member_of(project, user_id)
        body = EraseIn(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data["username"] != place.user.username:
            raise Invalid(gettext("that is not the name of this person: nothing was deleted"))
        erase_person(person=place.user, actor=request.user)
        return Response(MemberOut(shown(member_of(project, user_id))).data)


class GroupsView(ApiView):
    reads = Scope.MANAGE
    pagination_class = Cursor
    query_parameters = {"GET": Cursor.PARAMETERS}

    @extend_schema(responses={200: GroupOut(many=True), **errors(401, 403, 404)}, operation_id="groups_list")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """The groups of the project, the oldest first."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        paginator = Cursor()
        page = paginator.paginate_queryset(groups_of(project), request, view=self) or []
        return paginator.get_paginated_response(GroupOut(page, many=True).data)

    @extend_schema(
        request=GroupIn, responses={201: GroupOut, **errors(400, 401, 403, 404, 409, 415)}, operation_id="groups_create"
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """A new group, with nobody in it."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = GroupIn(data=request.data)
        body.is_valid(raise_exception=True)
        group = make_group(project=project, changed_by=request.user, **body.validated_data)
        return Response(GroupOut(groups_of(project).get(pk=group.pk)).data, status=201)


class GroupView(ApiView):
    reads = Scope.MANAGE

    @extend_schema(
        request=GroupIn, responses={200: GroupOut, **errors(400, 401, 403, 404, 409, 415)}, operation_id="groups_change"
    )
    def patch(self, request: SignedInApiRequest, slug: str, group_id: int) -> Response:
        """Another name."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        group = group_of(project, group_id)
        body = GroupIn(data=request.data)
        body.is_valid(raise_exception=True)
        rename_group(group=group, changed_by=request.user, **body.validated_data)
        return Response(GroupOut(groups_of(project).get(pk=group.pk)).data)

    @extend_schema(responses={204: None, **errors(401, 403, 404)}, operation_id="groups_remove")
    def delete(self, request: SignedInApiRequest, slug: str, group_id: int) -> Response:
        """Remove a group; its people and their labels stay."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        remove_group(group=group_of(project, group_id), changed_by=request.user)
        return Response(status=204)


def shown(place: Membership) -> dict[str, Any]:
    """A member, read by selectors.people, as admins see them."""
    return {
        "id": place.user_id,
        "username": place.user.username,
        "pseudonym": pseudonym(place.project_id, place.user_id),
        "role": place.role,
        "is_active": place.is_active,
        "is_erased": place.user.erased is not None,
        "has_second_factor": getattr(place, "has_second_factor"),  # noqa: B009  # annotated by the selector
        "group": place.group_id,
        "daily_limit": place.daily_limit,
        "num_submitted": place.num_submitted,
        "num_extra": place.num_extra,
        "joined": place.created,
    }
