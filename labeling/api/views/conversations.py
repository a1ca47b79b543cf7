"""Conversations: say something, judge what comes, go on, come to an end."""

from __future__ import annotations

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response

from labeling.api.conversation_shapes import RevisedTurnOut, ReviseTurnIn, SayIn, SettleIn, TurnIn
from labeling.api.docs import errors
from labeling.api.serializers import AssignmentOut, SheetOut
from labeling.errors import Invalid
from labeling.models import Kind, Scope
from labeling.rest import ApiView, SignedInApiRequest
from labeling.selectors.access import membership_in
from labeling.selectors.queue import sheet
from labeling.selectors.revisions import judged_sheet
from labeling.services import conversations
from labeling.services.assignments import JUDGING_ROLES, check_active, own_assignment
from labeling.services.revisions import revise_label
from labeling.services.turns import settle
from labeling.services.verdicts import Verdict

STEP = {200: SheetOut, **errors(400, 401, 403, 404, 409)}
STEP_WITH_BODY = {**STEP, **errors(415)}


class ConversationView(ApiView):
    reads = Scope.JUDGE

    @extend_schema(responses=STEP, operation_id="conversation")
    def get(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """Where your conversation stands: what was said, and what is to be done next. Ask again while it says wait."""
        return _sheet(request, assignment_id)


class SayView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(request=SayIn, responses=STEP_WITH_BODY, operation_id="say")
    def post(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """Say something as the user; the policy is asked to write. Retry with the same client id as you like."""
        body = SayIn(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        conversations.say(
            assignment_id=assignment_id,
            annotator=request.user,
            number=given["turn"],
            text=given.get("text", ""),
            client_id=given["client_id"],
        )
        return _sheet(request, assignment_id)


class AskAgainView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(request=TurnIn, responses=STEP_WITH_BODY, operation_id="ask_again")
    def post(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """Ask once more for the completions of the open turn; nothing is doubled."""
        body = TurnIn(data=request.data)
        body.is_valid(raise_exception=True)
        conversations.ask_again(assignment_id=assignment_id, annotator=request.user, number=body.validated_data["turn"])
        return _sheet(request, assignment_id)


class SettleView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(request=SettleIn, responses=STEP_WITH_BODY, operation_id="judge_turn")
    def post(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """Rank the completions of the open turn and say what carries on. Retry with the same client id as you like."""
        body = SettleIn(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        settle(
            assignment_id=assignment_id,
            annotator=request.user,
            number=given.pop("turn"),
            client_id=given.pop("client_id"),
            verdict=Verdict(**given),
        )
        return _sheet(request, assignment_id)


class FinishView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(
        request=None, responses={200: AssignmentOut, **errors(400, 401, 403, 404, 409)}, operation_id="finish"
    )
    def post(self, request: SignedInApiRequest, assignment_id: int) -> Response:
        """End the conversation; `next` brings another item. Twice is harmless."""
        done = conversations.finish(assignment_id=assignment_id, annotator=request.user)
        shown = {"assignment": done.pk, "state": done.state, "lease_expires": done.lease_expires}
        return Response(AssignmentOut(shown).data)


class JudgedTurnView(ApiView):
    reads = Scope.JUDGE

    @extend_schema(responses={200: SheetOut, **errors(400, 401, 403, 404, 409)}, operation_id="judged_turn")
    def get(self, request: SignedInApiRequest, assignment_id: int, number: int) -> Response:
        """Your judgement of a turn as the sheet's draft, to be revised once the conversation is over."""
        assignment = own_assignment(assignment_id=assignment_id, annotator=request.user)
        membership = membership_in(assignment.item.project.slug, user=request.user, roles=JUDGING_ROLES)
        return Response(SheetOut(judged_sheet(assignment, membership=membership, turn=number)).data)


class ReviseTurnView(ApiView):
    writes = Scope.JUDGE

    @extend_schema(
        request=ReviseTurnIn,
        responses={
            201: RevisedTurnOut,
            200: OpenApiResponse(RevisedTurnOut, description="Nothing changed, or this client id was stored before."),
            **errors(400, 401, 403, 404, 409, 415),
        },
        operation_id="revise_turn",
    )
    def post(self, request: SignedInApiRequest, assignment_id: int, number: int) -> Response:
        """Replace the ranks, flags and notes of a turn; what carried it on stays. The old judgement is kept."""
        body = ReviseTurnIn(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        revised = revise_label(
            assignment_id=assignment_id,
            annotator=request.user,
            client_id=given.pop("client_id"),
            verdict=Verdict(**given),
            turn=number,
        )
        answer = RevisedTurnOut({"label": revised.label.pk, "created": revised.created}).data
        return Response(answer, status=201 if revised.created else 200)


def _sheet(request: SignedInApiRequest, assignment_id: int) -> Response:
    assignment = own_assignment(assignment_id=assignment_id, annotator=request.user)
    slug = assignment.item.project.slug
    membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES, is_finishing=True)
    if assignment.item.kind != Kind.CONVERSATION:
        raise Invalid(
            gettext("assignment {assignment_id} is no conversation, it is of kind {kind}").format(
                assignment_id=assignment_id, kind=assignment.item.kind
            )
        )
    check_active(assignment)
    return Response(SheetOut(sheet(assignment, membership=membership)).data)
