"""Prompts: listing, adding one, importing files."""

from __future__ import annotations

from contextlib import closing
from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import parsers
from rest_framework.response import Response

from labeling.api.docs import HELD_OUT, errors
from labeling.api.parsers import NAMELESS, RawFileParser
from labeling.api.queries import choice, words, yes_no
from labeling.api.serializers import ImportErrorOut, ImportFileIn, ImportOut, PromptIn, PromptOut, TopicsIn
from labeling.errors import Invalid, NotFound
from labeling.imports.files import RowsRejected, Summary, import_file
from labeling.imports.formats import Format
from labeling.imports.one import add_prompt
from labeling.imports.reading import FileKind, kind_of
from labeling.models import Project, Prompt
from labeling.rest import ApiView, NewestFirst, SignedInApiRequest
from labeling.selectors import prompts as prompt_selectors
from labeling.selectors.access import MANAGERS, RESEARCHERS, membership_in
from labeling.services.topics import set_topics

KINDS_BY_TYPE = {"text/csv": FileKind.CSV, "application/vnd.apache.parquet": FileKind.PARQUET}


class PromptsView(ApiView):
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


class ImportView(ApiView):
    parser_classes = (parsers.MultiPartParser, RawFileParser)  # type: ignore[assignment]  # a tuple does
    query_parameters = {"POST": frozenset({"format", "kind", "keep_good"})}

    @extend_schema(
        parameters=[
            OpenApiParameter("format", enum=list(Format), description="What a row means. Default: prompts."),
            OpenApiParameter(
                "kind", enum=list(FileKind), description="Default: by the file's name, else by the content type."
            ),
            OpenApiParameter("keep_good", bool, description="Store the good rows although others are bad."),
        ],
        request={"multipart/form-data": ImportFileIn, "application/octet-stream": OpenApiTypes.BINARY},
        responses={
            200: ImportOut,
            **errors(401, 403, 404),
            400: OpenApiResponse(
                ImportErrorOut, description="Nothing was imported; `rejected` lists lines and reasons."
            ),
        },
        operation_id="prompts_import",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Import a file of prompts, prompts with completions, or preferences; for admins.

        The file is the body, or the field `file` of a form. JSON lines, CSV or Parquet; gzip is unpacked. One bad row
        and nothing is imported, unless `keep_good` is true. Repeating an import stores nothing twice.
        """
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        file = request.FILES.get("file")
        if file is None:
            raise Invalid(gettext("there is no file: send it as the body, or in the field 'file' of a form"))
        with closing(file):
            try:
                summary = _import(request, project=project, file=file)
            except RowsRejected as refused:
                rows = refused.summary.as_dict()
                body = {"detail": refused.message, "code": refused.code}
                return Response({**body, **{name: rows[name] for name in ("num_rejected", "rejected")}}, status=400)
        return Response(ImportOut(summary.as_dict()).data)


def _import(request: SignedInApiRequest, *, project: Project, file: UploadedFile[Any]) -> Summary:
    content_type = (request.content_type or "").split(";")[0]
    name = file.name or NAMELESS
    guess = KINDS_BY_TYPE.get(content_type, FileKind.JSONL) if name == NAMELESS else kind_of(name)
    return import_file(
        cast(BinaryIO, file),
        project=project,
        file_format=Format(choice(request, "format", Format, default=Format.PROMPTS)),
        kind=FileKind(choice(request, "kind", FileKind, default=guess)),
        source="API" if name == NAMELESS else name,
        keep_good=yes_no(request, "keep_good") or False,
    )
