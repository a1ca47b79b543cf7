"""The API of blind evaluations, below /api/v1/."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from alignment import services
from alignment.api_shapes import Out, Strict, refusals
from alignment.blind_results import ShownEvaluation, newest_evaluations, shown_evaluations, with_results
from alignment.models import BlindState
from labeling import exchange
from labeling.rest import ApiView, NewestFirst, Scope, SignedInApiRequest


class BlindEvaluationIn(Strict):
    """Two versions, and how many people shall compare them on how many held-out prompts."""

    version = serializers.IntegerField(min_value=1)
    against = serializers.IntegerField(min_value=1)
    num_prompts = serializers.IntegerField(
        min_value=1, max_value=10_000, help_text="Held-out ones, if there are so many."
    )
    overlap = serializers.IntegerField(min_value=1, max_value=50, required=False, help_text="As the project has it.")


class BlindResultOut(Out):
    win_rate = serializers.FloatField(help_text="Share that prefers the version; ties count half.")
    low = serializers.FloatField(help_text="Of the 95 % interval, drawn by prompt.")
    high = serializers.FloatField()
    num_judgements = serializers.IntegerField()
    num_ties = serializers.IntegerField()
    num_prompts = serializers.IntegerField(help_text="Judged so far.")


class BlindEvaluationOut(Out):
    id = serializers.IntegerField()
    version = serializers.IntegerField()
    against = serializers.IntegerField()
    state = serializers.ChoiceField(BlindState.choices)
    error = serializers.CharField()
    num_wanted = serializers.IntegerField(help_text="Judgements asked for.")
    num_same = serializers.IntegerField(
        help_text="Prompts for which both wrote the same: ties that nobody is asked about."
    )
    result = BlindResultOut(allow_null=True)
    created = serializers.DateTimeField()


class BlindEvaluationsView(ApiView):
    writes = Scope.RUNS
    pagination_class = NewestFirst
    query_parameters = {"GET": NewestFirst.PARAMETERS}

    @extend_schema(responses={200: BlindEvaluationOut(many=True)}, operation_id="evaluations_list")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Blind evaluations, the newest first, the last one of each two versions, with what people said so far."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        paginator = NewestFirst()
        page = paginator.paginate_queryset(newest_evaluations(project.id), request, view=self) or []
        return paginator.get_paginated_response([_shown(each) for each in with_results(project.id, page)])

    @extend_schema(
        request=BlindEvaluationIn,
        responses={201: BlindEvaluationOut, **refusals(400, 401, 403, 404, 409, 415)},
        operation_id="evaluations_create",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Have annotators compare two versions on held-out prompts. To them they are pairs like all others."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        body = BlindEvaluationIn(data=request.data)
        body.is_valid(raise_exception=True)
        given = {"overlap": project.overlap, **body.validated_data}
        started = services.start_blind_evaluation(project_id=project.id, creator_id=request.user.pk, **given)
        [shown] = [each for each in shown_evaluations(project.id) if each.evaluation.pk == started.pk]
        return Response(_shown(shown), status=201)


def _shown(shown: ShownEvaluation) -> dict[str, Any]:
    row = shown.evaluation
    return BlindEvaluationOut(
        {
            "id": row.pk,
            "version": row.policy.version,
            "against": row.against.version,
            "state": row.state,
            "error": row.error,
            "num_wanted": shown.num_wanted,
            "num_same": shown.num_same,
            "result": shown.result,
            "created": row.created,
        }
    ).data
