"""The API of what people see of the loop, below /api/v1/."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from alignment.api_shapes import Out, Strict, refusals
from alignment.seeing.api_lineage import CompletionLineageView, LabelLineageView, OwnPartView
from alignment.seeing.api_watch import WatchView
from alignment.seeing.leaderboard import ALL, FAIR
from alignment.seeing.shown import shown_board, shown_flags, usual_basis
from alignment.seeing.standings import standings
from labeling import exchange
from labeling.rest import ApiView, SignedInApiRequest

EMPTY: dict[str, Any] = {"label": 0, "computed": None}


class WriterOut(Out):
    origin = serializers.ChoiceField(["policy", "person", "import"])
    name = serializers.CharField(
        allow_blank=True,
        help_text="Of a person the pseudonym, of an import the model that its file names, else where it is from.",
    )
    version = serializers.IntegerField(allow_null=True, help_text="Of a policy; 1 is the base.")
    is_model = serializers.BooleanField(help_text="Whether it is a model that an import names.")


class LeaderboardIn(Strict):
    """Which comparisons count, and whether length does."""

    basis = serializers.ChoiceField(
        [FAIR, ALL],
        required=False,
        help_text="fair: blind evaluations and the random share, which no selection rule picked, the usual one as soon "
        "as there are some; all: the others, too, which may lean to one side.",
    )
    length_controlled = serializers.BooleanField(
        required=False, default=False, help_text="As if all completions were equally long."
    )


class DirectOut(Out):
    win_rate = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    num = serializers.IntegerField(help_text="Comparisons of these two.")


class AgainstOut(Out):
    win_rate = serializers.FloatField(help_text="Expected share, ties one half, by all comparisons together.")
    low = serializers.FloatField(help_text="Of the 95 % interval.")
    high = serializers.FloatField()
    direct = DirectOut(allow_null=True, help_text="The share where the two were compared, without a model.")


class RatesOut(Out):
    base = AgainstOut(required=False)
    sft = AgainstOut(required=False)


class CountsOut(Out):
    writer = WriterOut()
    num = serializers.IntegerField(help_text="Comparisons.")
    wins = serializers.FloatField(help_text="Sum of weights: the comparisons of one judgement weigh 1 together.")
    ties = serializers.FloatField()
    losses = serializers.FloatField()


class EntryOut(CountsOut):
    strength = serializers.FloatField(help_text="Nats more than the reference: Davidson's Bradley-Terry with ties.")
    low = serializers.FloatField(help_text="Of the 95 % interval, by prompt.")
    high = serializers.FloatField()
    rank = serializers.ListField(
        child=serializers.IntegerField(), help_text="Best and worst place that pairwise intervals allow."
    )
    against = RatesOut()


class LeaderboardOut(Out):
    basis = serializers.ChoiceField([FAIR, ALL])
    length_controlled = serializers.BooleanField()
    is_weighed = serializers.BooleanField(help_text="Whether who is less reliable counts less, as in training.")
    label = serializers.IntegerField(  # type: ignore[assignment]  # a field of that name, too
        help_text="The newest judgement that counts."
    )
    computed = serializers.DateTimeField(allow_null=True, help_text="null: the worker has yet to compute it.")
    num = serializers.IntegerField(help_text="Comparisons between different writers.")
    reference = WriterOut(allow_null=True)
    nu = serializers.FloatField(allow_null=True, help_text="1: equals tie as often as not. 0: nobody tied.")
    length_effect = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="Nats for text against none; standard error."
    )
    entries = EntryOut(many=True, help_text="The strongest first.")
    apart = CountsOut(many=True, help_text="Those that no comparison links to the others.")


class FlagShareOut(Out):
    flag = serializers.CharField()
    raised = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Wilson's 95 % interval, clustered by prompt.")
    high = serializers.FloatField(allow_null=True)


class FlagRowOut(Out):
    writer = WriterOut()
    is_sft = serializers.BooleanField()
    judged = serializers.IntegerField(help_text="Completions, each as often as it was judged.")
    completions = serializers.IntegerField()
    prompts = serializers.IntegerField()
    flags = FlagShareOut(many=True)


class FlagRatesOut(Out):
    label = serializers.IntegerField(  # type: ignore[assignment]  # a field of that name, too
        help_text="The newest judgement that counts."
    )
    computed = serializers.DateTimeField(allow_null=True)
    results = FlagRowOut(many=True)


class LeaderboardView(ApiView):
    query_parameters = {"GET": frozenset(LeaderboardIn().fields)}

    @extend_schema(
        parameters=[LeaderboardIn],
        responses={200: LeaderboardOut, **refusals(400, 401, 403, 404)},
        operation_id="leaderboard_retrieve",
    )
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Who writes best: policies, people and imports by all comparisons, ties counted, with intervals.

        Rankings, pairs and picks count, a pick as a win over each of the others; ratings and known answers don't.
        """
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        asked = LeaderboardIn(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        with_length = asked.validated_data["length_controlled"]
        kept = standings(project.id)
        basis = asked.validated_data.get("basis") or (usual_basis(kept) if kept else ALL)
        nothing = {"entries": [], "apart": [], "num": 0, "reference": None, "nu": None, "length_effect": None}
        board = shown_board(kept, basis=basis, with_length=with_length) if kept else nothing
        when = {"label": kept.label, "computed": kept.computed} if kept else EMPTY
        how = {"basis": basis, "length_controlled": with_length}
        how["is_weighed"] = bool(kept and kept.leaderboard.get("is_weighed"))
        return Response(LeaderboardOut({**board, **when, **how}).data)


class FlagRatesView(ApiView):
    @extend_schema(responses={200: FlagRatesOut, **refusals(400, 401, 403, 404)}, operation_id="flag_rates_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """How often each flag was raised on what the base, each version, people and imports wrote."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        kept = standings(project.id)
        if kept is None:
            return Response(FlagRatesOut({**EMPTY, "results": []}).data)
        rows, _ = shown_flags(kept, flags=list(exchange.seeing.flag_words(project.id)), most=None)
        results = [
            {
                "writer": row.writer,
                "is_sft": row.is_sft,
                "judged": row.judged,
                "completions": row.completions,
                "prompts": row.prompts,
                "flags": row.cells,
            }
            for row in rows
        ]
        return Response(FlagRatesOut({"label": kept.label, "computed": kept.computed, "results": results}).data)


urlpatterns = [
    path("projects/<slug:slug>/watch/", WatchView.as_view(), name="watch"),
    path("projects/<slug:slug>/leaderboard/", LeaderboardView.as_view(), name="leaderboard"),
    path("projects/<slug:slug>/flag_rates/", FlagRatesView.as_view(), name="flag-rates"),
    path(
        "projects/<slug:slug>/lineage/completions/<int:completion_id>/",
        CompletionLineageView.as_view(),
        name="lineage-completion",
    ),
    path("projects/<slug:slug>/my_part/", OwnPartView.as_view(), name="my-part"),
    path("projects/<slug:slug>/lineage/labels/<int:label_id>/", LabelLineageView.as_view(), name="lineage-label"),
]
