"""Snapshots: named sets of labels that never change."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.fields import Strict, Text
from labeling.api.serializers import Out
from labeling.api.views.snapshot_jobs import SnapshotJobOut
from labeling.exports.snapshot_jobs import ask_for_snapshot
from labeling.models import Scope, Snapshot, SnapshotJob
from labeling.rest import ApiView, NewestFirst, SignedInApiRequest
from labeling.selectors.access import RESEARCHERS, membership_in
from labeling.selectors.selection import Selection
from labeling.selectors.snapshots import snapshot_named, snapshots_of


class SnapshotIn(Strict):
    name = Text(max_length=60)
    filters = serializers.DictField(required=False, help_text="As the export's parameters, lists as lists.")
    up_to = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="The last label, as a run's snapshot_last; without it the newest.",
    )


class SnapshotOut(Out):
    id = serializers.IntegerField()
    name = serializers.CharField()
    filters = serializers.JSONField()
    up_to = serializers.IntegerField(help_text="The newest label when it was taken.")
    labels = serializers.IntegerField()
    imported_conversations = serializers.IntegerField(help_text="Held elsewhere, beside the labels.")
    digest = serializers.CharField(help_text="Equal for equal labels and filters.")
    created = serializers.DateTimeField()


class WholeSnapshotOut(SnapshotOut):
    manifest = serializers.JSONField()
    card = serializers.CharField(help_text="The dataset card, Markdown.")


class SnapshotsView(ApiView):
    reads = writes = Scope.DATA
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(responses={200: SnapshotOut(many=True), **errors(400, 401, 403, 404)}, operation_id="snapshots_list")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """The project's snapshots, the newest first; for admins and researchers."""
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        paginator = NewestFirst()
        page = paginator.paginate_queryset(snapshots_of(project), request, view=self) or []
        return paginator.get_paginated_response(SnapshotOut([_shown(row) for row in page], many=True).data)

    @extend_schema(
        request=SnapshotIn,
        responses={
            201: WholeSnapshotOut,
            202: OpenApiResponse(SnapshotJobOut, description="Over 20,000 labels: ask for the job until it has ended."),
            **errors(400, 401, 403, 404, 409, 415),
        },
        operation_id="snapshots_create",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Keep the labels that the filters mean now, under a name that no other snapshot has.

        With ``up_to`` those that they meant when that label was the newest: what a run was trained on can be named
        later. One of more than 20,000 labels is left to the importer.
        """
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        body = SnapshotIn(data=request.data)
        body.is_valid(raise_exception=True)
        selection = Selection.from_dict(body.validated_data.get("filters", {}))
        taken = ask_for_snapshot(
            project=project,
            name=body.validated_data["name"],
            selection=selection,
            author=request.user,
            up_to=body.validated_data.get("up_to"),
        )
        if isinstance(taken, SnapshotJob):
            return Response(SnapshotJobOut(taken).data, status=202)
        return Response(_whole(taken), status=201)


class SnapshotView(ApiView):
    reads = Scope.DATA

    @extend_schema(responses={200: WholeSnapshotOut, **errors(401, 403, 404)}, operation_id="snapshots_retrieve")
    def get(self, request: SignedInApiRequest, slug: str, name: str) -> Response:
        """One snapshot with its manifest and its dataset card."""
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        return Response(_whole(snapshot_named(project, name)))


def _whole(row: Snapshot) -> dict[str, Any]:
    return dict(WholeSnapshotOut({**_shown(row), "manifest": row.manifest, "card": row.card}).data)


def _shown(row: Snapshot) -> dict[str, Any]:
    kept = {name: getattr(row, name) for name in ("id", "name", "filters", "up_to", "digest", "created")}
    return {**kept, "labels": row.manifest["labels"], "imported_conversations": row.imported_conversations}
