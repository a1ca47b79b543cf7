"""The API of the clocks, below /api/v1/: what each does next, doing it now, and rolling the reward model back."""

from __future__ import annotations

from typing import Any

from django.forms import model_to_dict
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from alignment.api_shapes import Out, refusals
from alignment.clocks import reward_models, starting
from alignment.clocks.showing import loop_context
from alignment.models import RewardModel
from labeling import exchange
from labeling.rest import ApiView, NewestFirst, Scope, SignedInApiRequest

STATES = ["waiting", "running", "paused", "failed"]


class ClockOut(Out):
    name = serializers.ChoiceField(["refresh", "policy", "promotion"])
    state = serializers.ChoiceField(STATES)
    enabled = serializers.BooleanField(help_text="Whether it runs by itself.")
    next = serializers.CharField(help_text="What it does next, and why.")
    last = serializers.ListField(child=serializers.CharField(), help_text="What came of it last.")
    run = serializers.IntegerField(allow_null=True, help_text="That is under way.")
    warning = serializers.CharField(help_text="Empty where there is none.")


class ClocksOut(Out):
    results = ClockOut(many=True, help_text="Of the reward model, of the policy, and of promotion.")


class StartedOut(Out):
    run = serializers.IntegerField()


class RewardModelOut(Out):
    number = serializers.IntegerField()
    is_current = serializers.BooleanField(help_text="Whether it gives the rewards.")
    run = serializers.IntegerField()
    members = serializers.IntegerField(help_text="Heads on shared features.")
    accuracy = serializers.FloatField(allow_null=True, help_text="On held-out comparisons; ties count half.")
    accuracy_low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    accuracy_high = serializers.FloatField(allow_null=True)
    num_comparisons = serializers.IntegerField(help_text="That it was checked on.")
    digest = serializers.CharField()
    created = serializers.DateTimeField()
    removed = serializers.DateTimeField(allow_null=True, help_text="When its files were removed to save space.")


class ClocksView(ApiView):
    @extend_schema(responses={200: ClocksOut}, operation_id="clocks_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """What the three clocks of the loop do next, and why; for admins and researchers."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        return Response(ClocksOut({"results": loop_context(project)["clocks"]}).data)


class RefreshView(ApiView):
    writes = Scope.RUNS

    @extend_schema(request=None, responses={201: StartedOut, **refusals(409)}, operation_id="loop_refresh")
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Refresh the reward model now, on all judgements there are."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        run = starting.refresh_now(project_id=project.id, creator_id=request.user.pk)
        return Response(StartedOut({"run": run.pk}).data, status=201)


class TrainView(ApiView):
    writes = Scope.RUNS

    @extend_schema(request=None, responses={201: StartedOut, **refusals(409)}, operation_id="loop_train")
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Train a policy now, on all judgements there are."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        run = starting.train_now(project_id=project.id, creator_id=request.user.pk)
        return Response(StartedOut({"run": run.pk}).data, status=201)


class RewardModelsView(ApiView):
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(
        responses={200: RewardModelOut(many=True), **refusals(400, 401, 403, 404)}, operation_id="reward_models_list"
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """The project's reward models, the newest first."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        page = NewestFirst()
        rows = page.paginate_queryset(RewardModel.objects.filter(project=project.id), request, view=self)
        return page.get_paginated_response([_reward_model(row) for row in rows or []])


class MakeCurrentView(ApiView):
    writes = Scope.RUNS

    @extend_schema(request=None, responses={200: RewardModelOut, **refusals(409)}, operation_id="reward_models_use")
    def post(self, request: SignedInApiRequest, slug: str, number: int) -> Response:
        """Let this reward model give the rewards, until the next refresh: of an older one a rollback."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        row = reward_models.make_current(project_id=project.id, number=number, changed_by=request.user.pk)
        return Response(_reward_model(row))


def _reward_model(row: RewardModel) -> dict[str, Any]:
    return RewardModelOut({**model_to_dict(row), "run": row.run_id, "created": row.created}).data


urlpatterns = [
    path("projects/<slug:slug>/loop/clocks/", ClocksView.as_view(), name="clocks"),
    path("projects/<slug:slug>/loop/refresh/", RefreshView.as_view(), name="loop-refresh"),
    path("projects/<slug:slug>/loop/train/", TrainView.as_view(), name="loop-train"),
    path("projects/<slug:slug>/reward_models/", RewardModelsView.as_view(), name="reward-models"),
    path("projects/<slug:slug>/reward_models/<int:number>/use/", MakeCurrentView.as_view(), name="reward-model-use"),
]
