"""Projects and their settings."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from django.utils.http import quote_etag
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.queries import yes_no
from labeling.api.serializers import ProjectIn, ProjectOut, SettingsIn
from labeling.api.serializers_projects import ChangeIn, CloneIn, EffectsOut
from labeling.models import Project, User
from labeling.rest import ApiView, Cursor, SignedInApiRequest
from labeling.selectors.access import MANAGERS, membership_in, projects_of
from labeling.selectors.effects import effects_of
from labeling.selectors.guidelines import current_texts
from labeling.selectors.progress import Place, places_in
from labeling.services.archive import archive_project, restore_project
from labeling.services.clone import clone_project
from labeling.services.projects import create_project, settings_tag, update_project

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
    "second_factor_roles",
    "is_paused",
    "is_archived",
    "created",
)


class ProjectsView(ApiView):
    pagination_class = Cursor
    query_parameters = {"GET": Cursor.PARAMETERS | {"archived"}}

    @extend_schema(
        parameters=[OpenApiParameter("archived", bool, description="Those that were put away instead.")],
        responses={200: ProjectOut(many=True)},
        operation_id="projects_list",
    )
    def get(self, request: SignedInApiRequest) -> Response:
        """The projects in which you have a place, the oldest first, without those that are archived."""
        projects = projects_of(request.user, archived=yes_no(request, "archived") or False)
        paginator = Cursor()
        page = paginator.paginate_queryset(projects, request, view=self) or []
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
    @extend_schema(responses={200: ProjectOut}, operation_id="projects_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """A project with your role in it and its progress. Its ETag may be sent as If-Match with a change."""
        project = membership_in(slug, user=request.user).project
        return _tagged(project, request.user)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "If-Match", str, OpenApiParameter.HEADER, description="The ETag of the project that you saw."
            )
        ],
        request=ChangeIn,
        responses={200: ProjectOut, **errors(409, 412, 415)},
        operation_id="projects_update",
    )
    def patch(self, request: SignedInApiRequest, slug: str) -> Response:
        """Change settings. Items that are in the queue keep the overlap they were made with, unless you say otherwise;
        `effects/` tells beforehand what a change does. With If-Match nobody's change is undone unseen."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = ChangeIn(data=request.data)
        body.is_valid(raise_exception=True)
        changed = update_project(
            project=project, changed_by=request.user, expected=_expected(request), **plain(body.validated_data)
        )
        return _tagged(changed, request.user)


class EffectsView(ApiView):
    @extend_schema(request=SettingsIn, responses={200: EffectsOut, **errors(415)}, operation_id="projects_effects")
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """What a change of settings would do to open items and to people at work; nothing is changed."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = SettingsIn(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(EffectsOut({"effects": effects_of(project, plain(body.validated_data))}).data)


class CloneView(ApiView):
    @extend_schema(request=CloneIn, responses={201: ProjectOut, **errors(409, 415)}, operation_id="projects_clone")
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """A new project with the settings, flags, guidelines and loop of this one, without people and judgements."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = CloneIn(data=request.data)
        body.is_valid(raise_exception=True)
        made = clone_project(project=project, creator=request.user, **{"name": project.name, **body.validated_data})
        return Response(detail(made, request.user), status=201)


class ArchiveView(ApiView):
    @extend_schema(request=None, responses={200: ProjectOut}, operation_id="projects_archive")
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Make it read-only: no judging, no prompts, no runs; lists leave it out. Twice is harmless."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        return Response(detail(archive_project(project=project, changed_by=request.user), request.user))


class RestoreView(ApiView):
    @extend_schema(request=None, responses={200: ProjectOut}, operation_id="projects_restore")
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Take it out of the archive; it stays paused. Twice is harmless."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        return Response(detail(restore_project(project=project, changed_by=request.user), request.user))


def _expected(request: SignedInApiRequest) -> str | None:
    """The settings that the person saw, from the ETag in If-Match; None for any.

    Raises:
        ValidationError: not one ETag.
    """
    header = request.headers.get("If-Match", "*").strip()
    if header == "*":
        return None
    match = re.fullmatch(r'(?:W/)?"([^",]*)"', header)
    if match is None:
        raise ValidationError({"If-Match": ["send one ETag as it was given, in its quotation marks"]})
    return match[1].partition(".")[0]


def _tagged(project: Project, user: User) -> Response:
    """The project under an ETag of two parts: the settings, which a change is held to, and all else."""
    body = detail(project, user)
    rest = hashlib.sha256(repr(sorted(body.items())).encode()).hexdigest()[:16]
    return Response(body, headers={"ETag": quote_etag(f"{settings_tag(project)}.{rest}")})


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
