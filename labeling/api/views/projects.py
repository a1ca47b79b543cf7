"""Projects and their settings."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.serializers import ProjectIn, ProjectOut, SettingsIn
from labeling.models import Project, User
from labeling.rest import ApiView, Cursor, SignedInApiRequest
from labeling.selectors.access import MANAGERS, membership_in, projects_of
from labeling.selectors.guidelines import current_texts
from labeling.selectors.progress import Place, places_in
from labeling.services.projects import create_project, update_project

SHOWN = (
    "slug",
    "name",
    "guidelines_version",
    "completions_per_item",
    "overlap",
    "lease_minutes",
    "held_out_percent",
    "flags",
    "own_flags",
    "kinds",
    "conversation_turns",
    "conversation_sides",
    "conversation_opening",
    "daily_limit",
    "is_paused",
    "created",
)


class ProjectsView(ApiView):
    pagination_class = Cursor
    query_parameters = {"GET": Cursor.PARAMETERS}

    @extend_schema(responses={200: ProjectOut(many=True), **errors(400, 401)}, operation_id="projects_list")
    def get(self, request: SignedInApiRequest) -> Response:
        """The projects in which you have a place, the oldest first."""
        paginator = Cursor()
        page = paginator.paginate_queryset(projects_of(request.user), request, view=self) or []
        texts = current_texts(page)
        rows = [
            shown(place, guidelines=texts.get(place.project.pk, "")) for place in places_in(page, user=request.user)
        ]
        return paginator.get_paginated_response(ProjectOut(rows, many=True).data)

    @extend_schema(
        request=ProjectIn, responses={201: ProjectOut, **errors(400, 401, 409, 415)}, operation_id="projects_create"
    )
    def post(self, request: SignedInApiRequest) -> Response:
        """A new project, with you as its admin."""
        body = ProjectIn(data=request.data)
        body.is_valid(raise_exception=True)
        project = create_project(creator=request.user, **plain(body.validated_data))
        return Response(detail(project, request.user), status=201)


class ProjectView(ApiView):
    @extend_schema(responses={200: ProjectOut, **errors(400, 401, 404)}, operation_id="projects_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """A project with your role in it and its progress."""
        membership = membership_in(slug, user=request.user)
        return Response(detail(membership.project, request.user))

    @extend_schema(
        request=SettingsIn,
        responses={200: ProjectOut, **errors(400, 401, 403, 404, 415)},
        operation_id="projects_update",
    )
    def patch(self, request: SignedInApiRequest, slug: str) -> Response:
        """Change settings. Items that are in the queue keep the overlap they were made with."""
        membership = membership_in(slug, user=request.user, roles=MANAGERS)
        body = SettingsIn(data=request.data)
        body.is_valid(raise_exception=True)
        project = update_project(project=membership.project, changed_by=request.user, **plain(body.validated_data))
        return Response(detail(project, request.user))


def plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with dictionaries of Python's own in them, as they are stored."""
    own = settings.get("own_flags")
    return settings if own is None else {**settings, "own_flags": [dict(flag) for flag in own]}


def detail(project: Project, user: User) -> dict[str, Any]:
    """A project as a person sees it, with their role and progress."""
    [place] = places_in([project], user=user)
    return ProjectOut(shown(place, guidelines=current_texts([project]).get(project.pk, ""))).data


def shown(place: Place, *, guidelines: str) -> dict[str, Any]:
    """A project as one member sees it."""
    settings = {name: getattr(place.project, name) for name in SHOWN}
    return {**settings, "guidelines": guidelines, "role": place.role, "progress": place.progress}
