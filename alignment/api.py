"""The API of runs and policies, below /api/v1/. Same rights and refusals as everywhere."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from alignment import promotion, selectors, services
from alignment.api_blind import BlindEvaluationsView
from alignment.api_loop import LoopEffectsView, LoopView
from alignment.api_shapes import Out, Strict, refusals
from alignment.asking import api as asking_api
from alignment.clocks import api as clocks_api
from alignment.gating import api as gating_api
from alignment.models import Evaluation, Method, Run, RunState, Stage, Trigger
from alignment.seeing import api as seeing_api
from alignment.seeing.repeating import repeat_run
from labeling import exchange
from labeling.rest import ApiView, NewestFirst, Scope, SignedInApiRequest

# Fields named parent are taken out of the class by DRF's metaclass, which no stub knows.


class RunIn(Strict):
    """What a run is to be; what is left out is as the project's loop has it."""

    method = serializers.ChoiceField(Method.choices, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    config = serializers.DictField(
        child=serializers.DictField(), required=False, help_text="Settings by section, as in a run's own config."
    )
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class RunOut(Out):
    id = serializers.IntegerField()
    method = serializers.ChoiceField(Method.choices)
    state = serializers.ChoiceField(RunState.choices)
    stage = serializers.CharField(help_text="What it does, or did last; empty before the first stage.")
    trigger = serializers.ChoiceField(Trigger.choices)
    reason = serializers.CharField()
    seed = serializers.IntegerField()
    code_version = serializers.CharField()
    parent = serializers.IntegerField(  # type: ignore[assignment]  # a field of that name, too
        allow_null=True, help_text="Version of the policy that it is compared with."
    )
    policy = serializers.IntegerField(allow_null=True, help_text="Version that it made.")
    repeats = serializers.IntegerField(allow_null=True, help_text="The run that it does again.")
    accuracy = serializers.ListField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="Of the reward model on held-out comparisons: estimate, low and high end of the 95 % interval.",
    )
    snapshot_digest = serializers.CharField()
    snapshot_last = serializers.IntegerField(help_text="The newest judgement that it knows of: up_to of its snapshot.")
    snapshot_counts = serializers.DictField(child=serializers.IntegerField())
    stop_requested = serializers.BooleanField()
    error = serializers.CharField()
    created = serializers.DateTimeField()
    started = serializers.DateTimeField(allow_null=True)
    finished = serializers.DateTimeField(allow_null=True)


class MetricOut(Out):
    stage = serializers.ChoiceField(Stage.choices)
    step = serializers.IntegerField()
    values = serializers.DictField(child=serializers.FloatField())


class RunDetailOut(RunOut):
    config = serializers.DictField()
    results = serializers.DictField(help_text="What each finished stage found.")
    metrics = MetricOut(many=True)


class EvaluationOut(Out):
    against = serializers.IntegerField(help_text="A version.")
    num_prompts = serializers.IntegerField()
    win_rate = serializers.FloatField()
    win_rate_low = serializers.FloatField()
    win_rate_high = serializers.FloatField()
    reward = serializers.FloatField()
    reward_against = serializers.FloatField()
    kl = serializers.FloatField(allow_null=True, help_text="Nats per completion, to the base.")
    length = serializers.FloatField(help_text="Mean tokens.")
    eos_rate = serializers.FloatField()


class PolicyOut(Out):
    id = serializers.IntegerField()
    version = serializers.IntegerField()
    parent = serializers.IntegerField(allow_null=True, help_text="A version.")  # type: ignore[assignment]  # a field of that name, too
    status = serializers.ChoiceField(["serving", "past", "candidate"])
    method = serializers.CharField(help_text="Empty for the base.")
    run = serializers.IntegerField(allow_null=True)
    digest = serializers.CharField()
    created = serializers.DateTimeField()
    promoted = serializers.DateTimeField(allow_null=True)
    evaluations = EvaluationOut(many=True)


class RunsView(ApiView):
    writes = Scope.RUNS
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(responses={200: RunOut(many=True), **refusals(400, 401, 403, 404)}, operation_id="runs_list")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """The project's runs, the newest first."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        paginator = NewestFirst()
        page = paginator.paginate_queryset(selectors.runs(project.id), request, view=self) or []
        return paginator.get_paginated_response(RunOut([_run(run) for run in page], many=True).data)

    @extend_schema(
        request=RunIn, responses={201: RunDetailOut, **refusals(400, 401, 403, 404, 415)}, operation_id="runs_create"
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Start a run on all judgements there are now."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        body = RunIn(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        run = services.create_run(
            project_id=project.id,
            method=given.get("method"),
            seed=given.get("seed"),
            changes=given.get("config"),
            reason=given.get("reason", ""),
            creator_id=request.user.pk,
        )
        return Response(RunDetailOut(_detail(run)).data, status=201)


class RunView(ApiView):
    @extend_schema(responses={200: RunDetailOut, **refusals(400, 401, 403, 404)}, operation_id="runs_retrieve")
    def get(self, request: SignedInApiRequest, run_id: int) -> Response:
        """A run with its settings, what its stages found, and its metrics."""
        run, _ = selectors.run_for(run_id, user=request.user, roles=exchange.RESEARCHERS)
        return Response(RunDetailOut(_detail(run)).data)


class StopView(ApiView):
    writes = Scope.RUNS

    @extend_schema(
        request=None, responses={200: RunDetailOut, **refusals(400, 401, 403, 404, 409)}, operation_id="runs_stop"
    )
    def post(self, request: SignedInApiRequest, run_id: int) -> Response:
        """Ask a run to stop; it does so after its current step. Twice is harmless."""
        run, _ = selectors.run_for(run_id, user=request.user, roles=exchange.MANAGERS)
        services.request_stop(run_id=run.pk, stopped_by=request.user.pk)
        run, _ = selectors.run_for(run_id, user=request.user, roles=exchange.MANAGERS)
        return Response(RunDetailOut(_detail(run)).data)


class RepeatView(ApiView):
    writes = Scope.RUNS

    @extend_schema(
        request=None, responses={201: RunDetailOut, **refusals(400, 401, 403, 404, 409)}, operation_id="runs_repeat"
    )
    def post(self, request: SignedInApiRequest, run_id: int) -> Response:
        """Do a run that has ended again: the same settings, judgements, seed and parent."""
        run, _ = selectors.run_for(run_id, user=request.user, roles=exchange.MANAGERS)
        again = repeat_run(run_id=run.pk, creator_id=request.user.pk)
        return Response(RunDetailOut(_detail(again)).data, status=201)


class PoliciesView(ApiView):
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(responses={200: PolicyOut(many=True), **refusals(400, 401, 403, 404)}, operation_id="policies_list")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """The project's policy versions with how they did, the newest first."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        paginator = NewestFirst()
        page = paginator.paginate_queryset(selectors.policies(project.id), request, view=self) or []
        return paginator.get_paginated_response(PolicyOut([_policy(policy) for policy in page], many=True).data)


class PromoteView(ApiView):
    writes = Scope.RUNS

    @extend_schema(
        request=None, responses={200: PolicyOut, **refusals(400, 401, 403, 404)}, operation_id="policies_promote"
    )
    def post(self, request: SignedInApiRequest, policy_id: int) -> Response:
        """Let a version write for the queue from now on; an older one is a rollback. Twice is harmless."""
        policy, project = selectors.policy_for(policy_id, user=request.user, roles=exchange.MANAGERS)
        promotion.promote(policy_id=policy.pk, changed_by=request.user.pk)
        return Response(PolicyOut(_policy(selectors.policies(project.id).get(pk=policy.pk))).data)


def _run(run: Any) -> dict[str, Any]:
    model = run.rewarded_by
    known = model is not None and model.accuracy is not None
    names = ("method", "state", "stage", "trigger", "reason", "seed", "code_version", "snapshot_digest")
    more = ("snapshot_last", "snapshot_counts", "stop_requested", "error", "created", "started", "finished")
    return {
        "id": run.pk,
        "parent": run.parent.version if run.parent else None,
        "policy": run.policy.version if hasattr(run, "policy") else None,
        "repeats": run.repeats_id,
        "accuracy": [model.accuracy, model.accuracy_low, model.accuracy_high] if model is not None and known else None,
        **{name: getattr(run, name) for name in (*names, *more)},
    }


def _detail(run: Run) -> dict[str, Any]:
    return {**_run(run), "config": run.config, "results": run.results, "metrics": selectors.metrics(run)}


def _policy(policy: Any) -> dict[str, Any]:
    return {
        "id": policy.pk,
        "parent": policy.parent.version if policy.parent else None,
        "run": policy.run_id,
        "evaluations": [_evaluation(each) for each in policy.compared],
        **{name: getattr(policy, name) for name in ("version", "status", "method", "digest", "created", "promoted")},
    }


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    own = ("num_prompts", "reward", "reward_against", "kl", "length", "eos_rate")
    names = ("win_rate", "win_rate_low", "win_rate_high", *own)
    return {"against": evaluation.against.version, **{name: getattr(evaluation, name) for name in names}}


app_name = "alignment-api"
urlpatterns = [
    path("projects/<slug:slug>/runs/", RunsView.as_view(), name="runs"),
    path("projects/<slug:slug>/policies/", PoliciesView.as_view(), name="policies"),
    path("projects/<slug:slug>/loop/", LoopView.as_view(), name="loop"),
    path("projects/<slug:slug>/loop/effects/", LoopEffectsView.as_view(), name="loop-effects"),
    path("projects/<slug:slug>/evaluations/", BlindEvaluationsView.as_view(), name="evaluations"),
    path("runs/<int:run_id>/", RunView.as_view(), name="run"),
    path("runs/<int:run_id>/stop/", StopView.as_view(), name="stop"),
    path("runs/<int:run_id>/repeat/", RepeatView.as_view(), name="repeat"),
    *clocks_api.urlpatterns,
    *asking_api.urlpatterns,
    path("policies/<int:policy_id>/promote/", PromoteView.as_view(), name="promote"),
    *gating_api.urlpatterns,
    *seeing_api.urlpatterns,
]
