"""Prompts: listing, and adding one."""

from __future__ import annotations

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.response import Response

from labeling.api.docs import HELD_OUT, errors
from labeling.api.queries import words, yes_no
from labeling.api.serializers import PromptIn, PromptOut, TopicsIn
from labeling.errors import NotFound
from labeling.imports.one import add_prompt
from labeling.models import Prompt, Scope
from labeling.rest import ApiView, NewestFirst, SignedInApiRequest
from labeling.selectors import prompts as prompt_selectors
from labeling.selectors.access import MANAGERS, RESEARCHERS, membership_in
from labeling.services.topics import set_topics


class PromptsView(ApiView):
    reads = Scope.DATA
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS | {"search", "held_out"}}

    @extend_schema(
        parameters=[HELD_OUT, OpenApiParameter("search", str, description="Words that the messages hold.")],
        responses={200: PromptOut(many=True), **errors(400, 401, 403, 404)},
        operation_id="prompts_list",
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """A project's prompts, the newest first; for admins and researchers."""
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        rows = prompt_selectors.prompts(project, search=words(request, "search"))
        held_out = yes_no(request, "held_out")
        if held_out is not None:
            rows = rows.filter(held_out=held_out)
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
            topics=body.validated_data.get("topics"),
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
    names = ("id", "digest", "held_out", "topics", "source", "num_completions", "num_items", "created")
    return {"prompt": prompt.messages, **{name: getattr(prompt, name) for name in names}}
