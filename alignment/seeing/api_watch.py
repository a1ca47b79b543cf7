"""The API of the loop at work, below /api/v1/."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from alignment.api_shapes import Out, refusals
from alignment.seeing.alerts import alerts
from alignment.seeing.picture import picture
from alignment.seeing.standings import standings
from alignment.seeing.versions import model_points, over_optimised, version_points
from labeling import exchange
from labeling.rest import ApiView, SignedInApiRequest


class PartOut(Out):
    code = serializers.ChoiceField(["writes", "queue", "judges", "reward", "training", "gate"])
    value = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(["now", "warn", "idle"])


class AlertOut(Out):
    code = serializers.CharField(help_text="For programs: run_failed, worker_away, guards_failed, ...")
    tone = serializers.ChoiceField(["bad", "warn"])
    said = serializers.CharField()
    to_do = serializers.CharField()
    url = serializers.CharField(help_text="The page to look at.")


class VersionPointOut(Out):
    version = serializers.IntegerField()
    gain = serializers.FloatField(allow_null=True, help_text="Reward above the base's, nats: the proxy.")
    win_rate = serializers.FloatField(allow_null=True, help_text="Against the base, by that reward.")
    kl = serializers.FloatField(allow_null=True, help_text="Nats per completion, to the base.")
    root_kl = serializers.FloatField(allow_null=True)
    length = serializers.FloatField(allow_null=True, help_text="Mean tokens.")
    eos_rate = serializers.FloatField(allow_null=True)
    loss = serializers.FloatField(allow_null=True, help_text="At the end of training.")
    held_out = serializers.FloatField(
        allow_null=True, help_text="Wins over the version that served, by the second reward model."
    )
    held_out_low = serializers.FloatField(allow_null=True)
    held_out_high = serializers.FloatField(allow_null=True)
    strength = serializers.FloatField(allow_null=True, help_text="What people say, nats more than the base.")
    strength_low = serializers.FloatField(allow_null=True)
    strength_high = serializers.FloatField(allow_null=True)


class ModelPointOut(Out):
    number = serializers.IntegerField()
    run = serializers.IntegerField()
    judgements = serializers.IntegerField()
    accuracy = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    loss = serializers.FloatField(allow_null=True)


class WatchOut(Out):
    next = serializers.CharField(help_text="What the loop will do next, and why.")
    new_judgements = serializers.IntegerField(help_text="Since the last refresh, counted to the number wanted.")
    judgements_per_refresh = serializers.IntegerField()
    parts = PartOut(many=True)
    alerts = AlertOut(many=True)
    versions = VersionPointOut(many=True)
    reward_models = ModelPointOut(many=True)
    over_optimised = serializers.IntegerField(
        allow_null=True, help_text="A version with a higher reward than the one before, which people say is worse."
    )


class WatchView(ApiView):
    @extend_schema(responses={200: WatchOut, **refusals(400, 401, 403, 404)}, operation_id="watch_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """The loop at work: what happens now and next, what to look at, and curves over versions."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        shown = picture(project)
        points, _ = version_points(project.id, kept=standings(project.id))
        worse = over_optimised(points)
        found = {
            "next": shown.next,
            "new_judgements": shown.facts.new_judgements,
            "judgements_per_refresh": shown.facts.judgements_per_refresh,
            "parts": shown.parts,
            "alerts": alerts(project, shown.facts),
            "versions": points,
            "reward_models": model_points(project.id),
            "over_optimised": worse.version if worse else None,
        }
        return Response(WatchOut(found).data)
