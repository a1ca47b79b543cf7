"""The API of the gate, below /api/v1/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from alignment.api_shapes import Out, Strict, refusals
from alignment.core.statistics.e_process import threshold
from alignment.gating import by_hand, showing
from alignment.gating.settings import GATE_FIELDS, change_gate, gate_settings
from alignment.models import Cause, GateSettings, Promotion, PromotionState
from alignment.selectors import serving_policy
from labeling import exchange
from labeling.rest import ApiView, NewestFirst, Scope, SignedInApiRequest


class GateSettingsIn(serializers.ModelSerializer[GateSettings]):
    """What a candidate must show; what is left out stays."""

    class Meta:
        model = GateSettings
        fields = GATE_FIELDS


class SampleOut(Out):
    prompt = serializers.IntegerField()
    text = serializers.CharField()
    before = serializers.CharField(help_text="What the served version wrote there.")


class GuardOut(Out):
    name = serializers.ChoiceField(list(showing.GUARDS))
    passed = serializers.BooleanField(allow_null=True, help_text="null: it can't say, see note.")
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    high = serializers.FloatField(allow_null=True)
    limit = serializers.FloatField(allow_null=True)
    num = serializers.IntegerField(help_text="Completions, judgements or prompts that it looked at.")
    note = serializers.CharField(allow_blank=True)
    holds = serializers.BooleanField(help_text="Whether it holds the promotion although it did not fail.")
    samples = SampleOut(many=True, help_text="Those that showed a failure, the worst first.")


class EvidenceOut(Out):
    wins = serializers.IntegerField(help_text="Pairs of which people preferred the candidate.")
    losses = serializers.IntegerField()
    ties = serializers.IntegerField(help_text="They count for neither, and are paid for; equal texts among them.")
    same = serializers.IntegerField(
        allow_null=True,
        help_text="Of the ties, pairs of equal texts, which nobody judges. null: from before they were counted apart.",
    )
    judged = serializers.IntegerField(allow_null=True, help_text="What people judged: wins, losses and ties less same.")
    log_e = serializers.FloatField(help_text="Logarithm of the e-value for the candidate.")
    log_e_against = serializers.FloatField(help_text="Of the mirrored one.")
    asked = serializers.IntegerField(help_text="Pairs that were made.")
    open = serializers.IntegerField(help_text="Pairs in the queue.")
    from_random = serializers.IntegerField(help_text="Judged items of the share that is chosen at random.")


class PromotionOut(Out):
    id = serializers.IntegerField()
    candidate = serializers.IntegerField(help_text="A version.")
    against = serializers.IntegerField(help_text="The version that served.")
    state = serializers.ChoiceField(PromotionState.choices)
    cause = serializers.ChoiceField(Cause.choices, allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    alpha = serializers.FloatField()
    threshold = serializers.FloatField(help_text="log(1 / alpha): an e-value's logarithm that reaches it is proof.")
    most_pairs = serializers.IntegerField()
    evidence = EvidenceOut(allow_null=True)
    held = serializers.ListField(child=serializers.CharField(), help_text="What holds it though people prefer it.")
    guards = GuardOut(many=True)
    watched = EvidenceOut(allow_null=True, help_text="What people said since it serves.")
    error = serializers.CharField(allow_blank=True)
    created = serializers.DateTimeField()
    decided = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True, help_text="null: the gate.")
    ended = serializers.DateTimeField(allow_null=True, help_text="When it was rolled back.")


class GateOut(Out):
    serving = serializers.IntegerField(allow_null=True, help_text="A version.")
    asking = PromotionOut(allow_null=True)
    waiting = serializers.ListField(child=serializers.IntegerField(), help_text="Versions.")
    settings = GateSettingsIn()


class VetoIn(Strict):
    """Why a candidate must not serve."""

    reason = serializers.CharField(max_length=2000)


class RollbackIn(Strict):
    """The version that serves and shall not."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class GateView(ApiView):
    writes = Scope.RUNS

    @extend_schema(responses={200: GateOut, **refusals(400, 401, 403, 404)}, operation_id="gate_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """What is at the gate now, and what a candidate must show."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        return Response(_gate(project.id))

    @extend_schema(
        request=GateSettingsIn(partial=True),
        responses={200: GateOut, **refusals(400, 401, 403, 404, 415)},
        operation_id="gate_partial_update",
    )
    def patch(self, request: SignedInApiRequest, slug: str) -> Response:
        """Change what a candidate must show."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        body = GateSettingsIn(gate_settings(project.id), data=request.data, partial=True)
        if unknown := sorted(set(request.data) - set(GATE_FIELDS)):
            raise serializers.ValidationError({name: ["unknown field"] for name in unknown})
        body.is_valid(raise_exception=True)
        change_gate(project_id=project.id, changed_by=request.user.pk, **body.validated_data)
        return Response(_gate(project.id))


class PromotionsView(ApiView):
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(
        responses={200: PromotionOut(many=True), **refusals(400, 401, 403, 404)}, operation_id="promotions_list"
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """All that came to the gate, the newest first."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        rows = Promotion.objects.filter(project=project.id).select_related("candidate", "against", "decided_by")
        paginator = NewestFirst()
        page = paginator.paginate_queryset(rows.order_by("-id"), request, view=self) or []
        return paginator.get_paginated_response([_shown(each) for each in page])


class VetoView(ApiView):
    writes = Scope.RUNS

    @extend_schema(
        request=VetoIn,
        responses={200: PromotionOut, **refusals(400, 401, 403, 404, 409, 415)},
        operation_id="promotions_veto",
    )
    def post(self, request: SignedInApiRequest, slug: str, promotion_id: int) -> Response:
        """Refuse a candidate, whatever people prefer. Twice is harmless."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        body = VetoIn(data=request.data)
        body.is_valid(raise_exception=True)
        reason = body.validated_data["reason"]
        found = by_hand.veto(project_id=project.id, promotion_id=promotion_id, reason=reason, by=request.user.pk)
        return Response(_shown(found))


class RollbackView(ApiView):
    writes = Scope.RUNS

    @extend_schema(
        request=RollbackIn,
        responses={200: GateOut, **refusals(400, 401, 403, 404, 409, 415)},
        operation_id="gate_rollback",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Put the version before the served one back into service; harmless when it does not serve any more."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        body = RollbackIn(data=request.data)
        body.is_valid(raise_exception=True)
        by_hand.roll_back(project_id=project.id, version=body.validated_data["version"], by=request.user.pk)
        return Response(_gate(project.id))


def _gate(project_id: int) -> dict[str, Any]:
    found = showing.gate(project_id)
    serving = serving_policy(project_id)
    return {
        "serving": serving.version if serving else None,
        "asking": _shown(found.asking.promotion) if found.asking else None,
        "waiting": [each.candidate.version for each in found.waiting],
        "settings": GateSettingsIn(found.settings).data,
    }


def _shown(promotion: Promotion) -> dict[str, Any]:
    names = ("state", "cause", "reason", "alpha", "most_pairs", "error", "created", "decided", "ended")
    return PromotionOut(
        {
            "id": promotion.pk,
            "candidate": promotion.candidate.version,
            "against": promotion.against.version,
            "threshold": threshold(promotion.alpha),
            "evidence": _counted(promotion.evidence) if promotion.evidence else None,
            "held": promotion.evidence.get("held", []),
            "guards": [{"samples": [], **each} for each in promotion.guards],
            "watched": _counted(promotion.watched) if "wins" in promotion.watched else None,
            "decided_by": promotion.decided_by.get_username() if promotion.decided_by else None,
            **{name: getattr(promotion, name) for name in names},
        }
    ).data


def _counted(evidence: Mapping[str, Any]) -> dict[str, Any]:
    same = evidence.get("same")
    return {**evidence, "same": same, "judged": None if same is None else showing.num_judged(evidence)}


urlpatterns = [
    path("projects/<slug:slug>/gate/", GateView.as_view(), name="gate"),
    path("projects/<slug:slug>/gate/rollback/", RollbackView.as_view(), name="gate-rollback"),
    path("projects/<slug:slug>/promotions/", PromotionsView.as_view(), name="promotions"),
    path("projects/<slug:slug>/promotions/<int:promotion_id>/veto/", VetoView.as_view(), name="promotions-veto"),
]
