"""Prompts: listing, and adding one."""

from __future__ import annotations

from dataclasses import fields

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.response import Response

from labeling.api.docs import HELD_OUT, errors
from labeling.api.prompt_shapes import PromptChangeIn, PromptChangeOut, TagsIn
from labeling.api.queries import choice, words, yes_no
from labeling.api.serializers import PromptIn, PromptOut, TopicsIn
from labeling.errors import NotFound
from labeling.imports.one import add_prompt
from labeling.models import Prompt, Scope, Topic
from labeling.rest import ApiView, NewestFirst, SignedInApiRequest
from labeling.selectors import prompts as prompt_selectors
from labeling.selectors.access import MANAGERS, RESEARCHERS, membership_in
from labeling.selectors.prompts import PromptFilter
from labeling.services.prompt_changes import change_prompts, check_change, effect_of
from labeling.services.tags import set_tags
from labeling.services.topics import set_topics

FILTERS = frozenset({each.name for each in fields(PromptFilter)})


def _wanted(request: SignedInApiRequest) -> PromptFilter:
    return PromptFilter(
        search=words(request, "search"),
        tag=words(request, "tag"),
        source=words(request, "source"),
        topic=choice(request, "topic", ["", *Topic.values], default=""),
        held_out=yes_no(request, "held_out"),
        has_items=yes_no(request, "has_items"),
        has_demonstrations=yes_no(request, "has_demonstrations"),
        archived=yes_no(request, "archived"),
    )


class PromptsView(ApiView):
    reads = Scope.DATA
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS | FILTERS}

    @extend_schema(
        parameters=[
            HELD_OUT,
            OpenApiParameter(
                "search", str, description='Beginnings of words, "a phrase" in quotation marks, or an id of an export.'
            ),
            OpenApiParameter("tag", str, description="Only prompts with this tag."),
            OpenApiParameter("source", str, description="Only prompts from this file or person."),
            OpenApiParameter("topic", str, enum=Topic.values, description="Only prompts with this content warning."),
            OpenApiParameter("has_items", bool, description="Whether something is or was asked about it."),
            OpenApiParameter("has_demonstrations", bool, description="Whether somebody wrote for it."),
            OpenApiParameter("archived", bool, description="Only archived ones, or only the others; default: both."),
        ],
        responses={200: PromptOut(many=True), **errors(400, 401, 403, 404)},
        operation_id="prompts_list",
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """A project's prompts, the newest first; for admins and researchers."""
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        rows = prompt_selectors.prompts(project, _wanted(request))
        paginator = NewestFirst()
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response(PromptOut([_shown(row) for row in page], many=True).data)

    @extend_schema(
        request=PromptIn,
        responses={
            200: OpenApiResponse(PromptOut, description="It was there already."),
            201: PromptOut,
            **errors(400, 401, 403, 404, 415),
        },
        operation_id="prompts_create",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Add a prompt, with completions to be judged or without; for admins. Repeating it is harmless."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = PromptIn(data=request.data)
        body.is_valid(raise_exception=True)
        prompt, is_new = add_prompt(
            project=project,
            prompt=body.validated_data["prompt"],
            completions=body.validated_data.get("completions", []),
            models=body.validated_data.get("models", []),
            topics=body.validated_data.get("topics"),
            tags=body.validated_data.get("tags"),
            source=body.validated_data.get("source", ""),
        )
        shown = prompt_selectors.prompts(project).get(pk=prompt.pk)
        return Response(PromptOut(_shown(shown)).data, status=201 if is_new else 200)


class TopicsView(ApiView):
    @extend_schema(
        request=TopicsIn,
        responses={200: PromptOut, **errors(400, 401, 403, 404, 415)},
        operation_id="prompts_topics",
    )
    def put(self, request: SignedInApiRequest, slug: str, prompt_id: int) -> Response:
        """Say which sensitive topics a prompt has; for admins. It is shown behind a warning then."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        found = prompt_selectors.prompts(project).filter(pk=prompt_id).first()
        if found is None:
            raise NotFound(gettext("there is no prompt {prompt_id} in {slug}").format(prompt_id=prompt_id, slug=slug))
        body = TopicsIn(data=request.data)
        body.is_valid(raise_exception=True)
        set_topics(prompt=found, topics=body.validated_data["topics"], changed_by=request.user)
        return Response(PromptOut(_shown(found)).data)


def _shown(prompt: Prompt) -> dict[str, object]:
    names = ("id", "digest", "held_out", "topics", "source", "is_archived", "num_completions", "num_items", "created")
    tags = getattr(prompt, "tag_names", None) or []
    return {"prompt": prompt.messages, "tags": tags, **{name: getattr(prompt, name) for name in names}}


class ChangeView(ApiView):
    @extend_schema(
        request=PromptChangeIn,
        responses={200: PromptChangeOut, **errors(400, 401, 403, 404, 409, 415)},
        operation_id="prompts_change",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Change every prompt that a filter finds, in one transaction; for admins. Ask with `dry_run` first.

        With `expected` it is refused (409) when there are more or fewer of them.
        """
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = PromptChangeIn(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        change = check_change(action=given["action"], value=given.get("value"))
        wanted = PromptFilter(**{"archived": None, **given["filter"]})
        if given.get("dry_run"):
            effect = effect_of(change, project=project, wanted=wanted)
        else:
            effect = change_prompts(
                change, project=project, wanted=wanted, expected=given.get("expected"), actor=request.user
            )
        return Response(PromptChangeOut(effect).data)


class TagsView(ApiView):
    @extend_schema(
        request=TagsIn, responses={200: PromptOut, **errors(400, 401, 403, 404, 415)}, operation_id="prompts_tags"
    )
    def put(self, request: SignedInApiRequest, slug: str, prompt_id: int) -> Response:
        """Say which tags a prompt has, and no others; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        rows = prompt_selectors.prompts(project).filter(pk=prompt_id)
        if not rows.exists():
            raise NotFound(gettext("there is no prompt {prompt_id} in {slug}").format(prompt_id=prompt_id, slug=slug))
        body = TagsIn(data=request.data)
        body.is_valid(raise_exception=True)
        set_tags(project=project, prompt_id=prompt_id, tags=body.validated_data["tags"])
        return Response(PromptOut(_shown(rows.get())).data)
