"""Imports: bringing a file, how far it is, what came of it."""

from __future__ import annotations

from contextlib import closing
from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import parsers
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.import_shapes import ImportDoneOut, ImportErrorOut, ImportFileIn, ImportOut, RejectedOut
from labeling.api.parsers import NAMELESS, RawFileParser
from labeling.api.queries import choice, words, yes_no
from labeling.errors import Invalid
from labeling.imports import recorded
from labeling.imports.files import MAX_LISTED, RowsRejected
from labeling.imports.formats import Format
from labeling.imports.reading import FileKind, kind_of
from labeling.models import Import
from labeling.rest import ApiView, Cursor, NewestFirst, SignedInApiRequest
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.imports import find_import, imports, rejected_rows

KINDS_BY_TYPE = {"text/csv": FileKind.CSV, "application/vnd.apache.parquet": FileKind.PARQUET}


class ImportView(ApiView):
    parser_classes = (parsers.MultiPartParser, RawFileParser)  # type: ignore[assignment]  # a tuple does
    query_parameters = {"POST": frozenset({"format", "kind", "keep_good", "tags"})}

    @extend_schema(
        parameters=[
            OpenApiParameter("format", enum=list(Format), description="What a row means. Default: prompts."),
            OpenApiParameter(
                "kind", enum=list(FileKind), description="Default: by the file's name, else by the content type."
            ),
            OpenApiParameter("keep_good", bool, description="Store the good rows although others are bad."),
            OpenApiParameter("tags", str, description="Given to every prompt, with commas between."),
        ],
        request={"multipart/form-data": ImportFileIn, "application/octet-stream": OpenApiTypes.BINARY},
        responses={
            200: ImportDoneOut,
            202: OpenApiResponse(ImportOut, description="A file over 1 MB: ask for the import until it has ended."),
            **errors(401, 403, 404),
            400: OpenApiResponse(
                ImportErrorOut, description="Nothing was imported; `rejected` lists lines and reasons."
            ),
        },
        operation_id="prompts_import",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Import a file of prompts, prompts with completions, demonstrations or preferences; for admins.

        The file is the body, or the field `file` of a form. JSON lines, CSV or Parquet; gzip is unpacked. One bad row
        and nothing is imported, unless `keep_good` is true. Repeating an import stores nothing twice. A file over 1 MB
        is left to the importer.
        """
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        file = request.FILES.get("file")
        if file is None:
            raise Invalid(gettext("there is no file: send it as the body, or in the field 'file' of a form"))
        with closing(file):
            try:
                imported = recorded.receive(
                    cast(BinaryIO, file),
                    _brought(request, file),
                    project=project,
                    by=request.user,
                    num_bytes=file.size or 0,
                )
            except RowsRejected as refused:
                rows = refused.summary.as_dict()
                body = {"detail": refused.message, "code": refused.code}
                return Response({**body, **{name: rows[name] for name in ("num_rejected", "rejected")}}, status=400)
        if imported.state in Import.OPEN:
            return Response(ImportOut(imported).data, status=202)
        rejected = RejectedOut(rejected_rows(imported)[:MAX_LISTED], many=True).data if imported.num_rejected else []
        return Response({**ImportOut(imported).data, "rejected": rejected})


def _brought(request: SignedInApiRequest, file: UploadedFile[Any]) -> recorded.Brought:
    content_type = (request.content_type or "").split(";")[0]
    name = file.name or NAMELESS
    guess = KINDS_BY_TYPE.get(content_type, FileKind.JSONL) if name == NAMELESS else kind_of(name)
    return recorded.Brought(
        name="API" if name == NAMELESS else name,
        file_format=Format(choice(request, "format", Format, default=Format.PROMPTS)),
        kind=FileKind(choice(request, "kind", FileKind, default=guess)),
        keep_good=yes_no(request, "keep_good") or False,
        tags=words(request, "tags"),
    )


class ImportsView(ApiView):
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(responses={200: ImportOut(many=True), **errors(400, 401, 403, 404)}, operation_id="imports_list")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """A project's imports, the newest first; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        paginator = NewestFirst()
        page = paginator.paginate_queryset(imports(project), request, view=self) or []
        return paginator.get_paginated_response(ImportOut(page, many=True).data)


class ImportReportView(ApiView):
    @extend_schema(responses={200: ImportOut, **errors(401, 403, 404)}, operation_id="imports_retrieve")
    def get(self, request: SignedInApiRequest, slug: str, import_id: int) -> Response:
        """How far an import is, or what came of it; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        return Response(ImportOut(find_import(project, import_id)).data)


class CancelImportView(ApiView):
    @extend_schema(
        request=None, responses={200: ImportOut, **errors(401, 403, 404, 409)}, operation_id="imports_cancel"
    )
    def post(self, request: SignedInApiRequest, slug: str, import_id: int) -> Response:
        """Ask that an import ends, of which nothing is stored then; for admins. 409 when it has ended."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        recorded.cancel(find_import(project, import_id))
        return Response(ImportOut(find_import(project, import_id)).data)


class RejectedView(ApiView):
    pagination_class = Cursor
    query_parameters = {"GET": Cursor.PARAMETERS}

    @extend_schema(
        responses={200: RejectedOut(many=True), **errors(400, 401, 403, 404)}, operation_id="imports_rejected"
    )
    def get(self, request: SignedInApiRequest, slug: str, import_id: int) -> Response:
        """Every row of an import that was not taken in, in the order of the file; for admins."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        rows = rejected_rows(find_import(project, import_id))
        paginator = Cursor()
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response(RejectedOut(page, many=True).data)
