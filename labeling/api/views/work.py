"""An annotator's work: next, draft, submit, skip, heartbeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.serializers import AssignmentOut, SheetOut, SkipIn, SubmitIn, SubmittedOut
from labeling.errors import Invalid
from labeling.models import Assignment, Scope
from labeling.rest import ApiView, SignedInApiRequest
from labeling.selectors.access import membership_in
from labeling.selectors.progress import Progress, progress_of
from labeling.selectors.queue import sheet
from labeling.selectors.revisions import judged_sheet
from labeling.services import assignments
from labeling.services.labels import Submitted, submit_label
from labeling.services.limits import seconds_left
from labeling.services.revisions import revise_label
from labeling.services.verdicts import Verdict

REASON = "Prefloop-Reason"
DRAFT = {"application/json": {"type": "object", "description": "Anything that you want to find again; PUT replaces."}}


class NextView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(
        request=None,
        responses={
            200: SheetOut,
            204: OpenApiResponse(
                description="Nothing to do now. The header `Prefloop-Reason` says why: `empty`, `paused`, "
                "`qualification`, or `daily_limit` (with `Retry-After`: the seconds until midnight UTC)."
            ),
            **errors(400, 401, 403, 404),
        },
        operation_id="next",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """The item to work on: the one you hold, one you had begun, or the first of the queue, leased to you."""
        membership = membership_in(slug, user=request.user)
        assignment = assignments.claim_next(project=membership.project, annotator=request.user)
        if assignment is None:
            membership.refresh_from_db(fields=["day", "num_today"])  # a judgement may have come since it was read
            reason = assignments.why_nothing(membership)
            wait = {"Retry-After": str(seconds_left())} if reason == "daily_limit" else {}
            return Response(status=204, headers={REASON: reason, **wait})
        return Response(SheetOut(sheet(assignment, membership=membership)).data)


class DraftView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(
        request=DRAFT, responses={200: AssignmentOut, **errors(400, 401, 403, 404, 409, 415)}, operation_id="draft"
    )
    def put(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """Keep unfinished work, whether or not the lease still runs; `next` gives it back."""
        if request.META.get("CONTENT_LENGTH", "0") in {"", "0"}:
            raise Invalid(gettext("there is no body: send {} to empty the draft"))
        assignment = assignments.save_draft(
            assignment_id=assignment_id, annotator=request.user, draft=cast(dict[str, Any], request.data)
        )
        return Response(_shown(assignment))


class SubmitView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(
        request=SubmitIn,
        responses={
            201: SubmittedOut,
            200: OpenApiResponse(SubmittedOut, description="This client id was stored before: the same answer."),
            **errors(400, 401, 403, 404, 409, 415),
        },
        operation_id="submit",
    )
    def post(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """Submit the judgement. Retry with the same client id as often as you like: it is stored once."""
        return _record(request, assignment_id, submit_label)


class JudgedView(ApiView):
    reads = Scope.JUDGE

    @extend_schema(
        responses={200: SheetOut, **errors(400, 401, 403, 404, 409)},
        operation_id="judged",
    )
    def get(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """Your judgement of an assignment as its draft, to be revised."""
        assignment = assignments.own_assignment(assignment_id=assignment_id, annotator=request.user)
        membership = membership_in(assignment.item.project.slug, user=request.user)
        return Response(SheetOut(judged_sheet(assignment, membership=membership)).data)


class ReviseView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(
        request=SubmitIn,
        responses={
            201: SubmittedOut,
            200: OpenApiResponse(SubmittedOut, description="Nothing changed, or this client id was stored before."),
            **errors(400, 401, 403, 404, 409, 415),
        },
        operation_id="revise",
    )
    def post(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """Replace your judgement; the old one is kept as superseded. Retry with the same client id as you like."""
        return _record(request, assignment_id, revise_label)


class SkipView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(
        request=SkipIn, responses={200: AssignmentOut, **errors(400, 401, 403, 404, 409, 415)}, operation_id="skip"
    )
    def post(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """Give the item back; it is not offered to you again."""
        body = SkipIn(data=request.data or {})
        body.is_valid(raise_exception=True)
        assignment = assignments.skip(
            assignment_id=assignment_id, annotator=request.user, reason=body.validated_data.get("reason", "")
        )
        return Response(_shown(assignment))


class HeartbeatView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(
        request=None, responses={200: AssignmentOut, **errors(400, 401, 403, 404, 409)}, operation_id="heartbeat"
    )
    def post(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """Renew the lease while somebody works on the item."""
        return Response(_shown(assignments.heartbeat(assignment_id=assignment_id, annotator=request.user)))


def _record(request: SignedInApiRequest, assignment_id: int, record: Callable[..., Submitted]) -> Response:
    body = SubmitIn(data=request.data)
    body.is_valid(raise_exception=True)
    values = dict(body.validated_data)
    submitted = record(
        assignment_id=assignment_id,
        annotator=request.user,
        client_id=values.pop("client_id"),
        verdict=Verdict(**values),
    )
    label = submitted.label
    answer = {
        "label": label.pk,
        "created": submitted.created,
        "extra": label.is_extra,
        "progress": _progress(request, label.project.slug),
    }
    return Response(SubmittedOut(answer).data, status=201 if submitted.created else 200)


def _shown(assignment: Assignment) -> dict[str, Any]:
    return AssignmentOut(
        {"assignment": assignment.pk, "state": assignment.state, "lease_expires": assignment.lease_expires}
    ).data


def _progress(request: SignedInApiRequest, slug: str) -> Progress:
    return progress_of(membership_in(slug, user=request.user, is_finishing=True))
