"""Snapshots that are being taken."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.serializers import Out
from labeling.exports.snapshot_jobs import cancel
from labeling.models import ImportState, Scope
from labeling.rest import ApiView, NewestFirst, SignedInApiRequest
from labeling.selectors.access import RESEARCHERS, membership_in
from labeling.selectors.snapshots import find_job, jobs_of


class SnapshotJobOut(Out):
    id = serializers.IntegerField()
    name = serializers.CharField(help_text="Of the snapshot, which is there when the state is finished.")
    filters = serializers.JSONField()
    state = serializers.ChoiceField(ImportState.choices)
    labels = serializers.IntegerField(help_text="How many there are to keep; 0 while it waits.")
    labels_done = serializers.IntegerField()
    cancel_asked = serializers.BooleanField()
    error = serializers.CharField(help_text="Why there is no snapshot.")
    requested_by = serializers.CharField(source="requested_by.username", default=None, allow_null=True)
    created = serializers.DateTimeField()
    ended = serializers.DateTimeField(allow_null=True)


class SnapshotJobsView(ApiView):
    reads = Scope.DATA
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(
        responses={200: SnapshotJobOut(many=True), **errors(400, 401, 403, 404)}, operation_id="snapshot_jobs_list"
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Snapshots that were left to the importer, the newest first; for admins and researchers."""
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        paginator = NewestFirst()
        page = paginator.paginate_queryset(jobs_of(project), request, view=self) or []
        return paginator.get_paginated_response(SnapshotJobOut(page, many=True).data)


class SnapshotJobView(ApiView):
    reads = Scope.DATA

    @extend_schema(responses={200: SnapshotJobOut, **errors(401, 403, 404)}, operation_id="snapshot_jobs_retrieve")
    def get(self, request: SignedInApiRequest, slug: str, job_id: int) -> Response:
        """How far a snapshot is."""
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        return Response(SnapshotJobOut(find_job(project, job_id)).data)


class CancelSnapshotJobView(ApiView):
    writes = Scope.DATA

    @extend_schema(
        request=None,
        responses={200: SnapshotJobOut, **errors(401, 403, 404, 409)},
        operation_id="snapshot_jobs_cancel",
    )
    def post(self, request: SignedInApiRequest, slug: str, job_id: int) -> Response:
        """Ask that a snapshot is not taken. 409 when it has ended."""
        project = membership_in(slug, user=request.user, roles=RESEARCHERS).project
        cancel(find_job(project, job_id))
        return Response(SnapshotJobOut(find_job(project, job_id)).data)
