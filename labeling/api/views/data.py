"""What researchers take away: comparisons by page, exports as streams."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.response import Response

from labeling.api.docs import HELD_OUT, errors
from labeling.api.queries import choice, identifier, yes_no
from labeling.api.selections import FILTERS, PARAMETERS, SNAPSHOT, selection_of, snapshot_of
from labeling.api.serializers import ComparisonOut, ManifestOut
from labeling.exports.responses import respond
from labeling.exports.streams import FileFormat, make_export
from labeling.exports.views import VIEWS
from labeling.models import Comparison, Completion, Outcome, Scope
from labeling.refusals import ErrorOut
from labeling.rest import ApiView, Cursor, SignedInApiRequest
from labeling.selectors.access import RESEARCHERS, membership_in
from labeling.selectors.labels import comparisons, pseudonym


class ComparisonsView(ApiView):
    reads = Scope.DATA
    pagination_class = Cursor
    query_parameters = {"GET": Cursor.PARAMETERS | {"held_out", "outcome"}}

    @extend_schema(
        parameters=[HELD_OUT, OpenApiParameter("outcome", enum=Outcome.values)],
        responses={200: ComparisonOut(many=True), **errors(400, 401, 403, 404)},
        operation_id="comparisons_list",
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Comparisons of the current judgements in the order they were stored; for admins and researchers."""
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        rows = comparisons(project)
        held_out = yes_no(request, "held_out")
        if held_out is not None:
            rows = rows.filter(label__item__prompt__held_out=held_out)
        if outcome := choice(request, "outcome", [*Outcome.values, ""], default=""):
            rows = rows.filter(outcome=outcome)
        paginator = Cursor()
        page = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response(ComparisonOut([_shown(row) for row in page], many=True).data)


def _shown(comparison: Comparison) -> dict[str, Any]:
    label = comparison.label
    prompt = label.item.prompt
    return {
        "id": comparison.pk,
        "ranking": label.pk,
        "prompt_id": prompt.pk,
        "prompt": prompt.messages,
        "chosen": _completion(comparison.chosen),
        "rejected": _completion(comparison.rejected),
        "outcome": comparison.outcome,
        "weight": comparison.weight,
        "held_out": prompt.held_out,
        "annotator": pseudonym(label.project_id, label.annotator_id),
        "source": label.source,
        "is_extra": label.is_extra,
        "rule": label.item.rule,
        "propensity": label.item.propensity,
        "random_propensity": label.item.random_propensity,
        "is_random": label.item.is_random,
        "created": label.created,
    }


def _completion(completion: Completion) -> dict[str, Any]:
    return {
        "id": completion.pk,
        "text": completion.text,
        "policy_version": completion.policy_version,
        "model": completion.model.name if completion.model else None,
    }


class ExportView(ApiView):
    reads = Scope.DATA
    is_tagged = False
    query_parameters = {"GET": FILTERS | {"format", "view", "up_to", "snapshot", "manifest"}}

    @extend_schema(
        parameters=[
            OpenApiParameter("format", enum=list(FileFormat), description="Default: jsonl."),
            OpenApiParameter("view", enum=list(VIEWS), description="Default: comparisons."),
            *PARAMETERS,
            SNAPSHOT,
            OpenApiParameter(
                "up_to", int, description="The last label to take, as in a manifest: the same bytes again."
            ),
            OpenApiParameter("manifest", bool, description="Count and digest the content instead of sending it."),
            OpenApiParameter(
                "Range",
                str,
                OpenApiParameter.HEADER,
                description="Of a snapshot, to take up a download that broke off: bytes=3000000000-",
            ),
        ],
        responses={
            (200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.BINARY, description="The file, streamed."),
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
            (200, "application/json"): OpenApiResponse(ManifestOut, description="With manifest=true."),
            (206, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.BINARY, description="What Range asks for."),
            (206, "text/csv"): OpenApiTypes.BINARY,
            (206, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="If-None-Match names the file of the snapshot."),
            416: OpenApiResponse(ErrorOut, description="Range begins after the end; Content-Range tells the length."),
            **errors(400, 401, 403, 404),
        },
        operation_id="export",
    )
    def get(self, request: SignedInApiRequest, slug: str) -> HttpResponseBase:
        """The project's current judgements, or those of a snapshot, as a file, streamed; for admins and researchers.

        `comparisons`: a row for each pair, ties included. `rankings`: whole judgements, which the import reads back.
        `trl`: TRL's conversational preference, wins only; so `trl_explicit` (texts), `trl_implicit`, `openrlhf` and
        `hh`; `trl_unpaired` for KTO. `evaluations`: judgements of blind evaluations, with the policy versions; no other
        view has them, so that nobody trains on them. In CSV a text that would be run as a formula begins with '. The
        file of a snapshot has an ETag and takes Range, so that a download that broke off can go on.
        """
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        export = make_export(
            project=project,
            view=choice(request, "view", VIEWS, default="comparisons"),
            file_format=choice(request, "format", FileFormat, default=FileFormat.JSONL),
            selection=selection_of(request),
            up_to=identifier(request, "up_to"),
            snapshot=snapshot_of(request, project),
        )
        if yes_no(request, "manifest"):
            for _ in export.stream():
                pass
            return Response(ManifestOut(export.manifest()).data)
        return respond(request, export)
