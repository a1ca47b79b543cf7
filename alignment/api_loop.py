"""The API of a project's loop, below /api/v1/: how it samples, and how it trains by itself."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from alignment import selectors, services
from alignment.api_shapes import Out, Strict, refusals
from alignment.clocks.effects import effects_of
from alignment.models import Features, LoopSettings, Preset, Start
from alignment.models.loop import MOST_MINUTES, POLICY_METHODS
from labeling import exchange
from labeling.rest import ApiView, Scope, SignedInApiRequest

METHODS = [(method.value, method.label) for method in POLICY_METHODS]


class LoopIn(Strict):
    """Settings to be changed; what is left out stays. Runs that have begun go on by those they began with."""

    enabled = serializers.BooleanField(required=False, help_text="Whether runs start by themselves.")
    refresh_enabled = serializers.BooleanField(
        required=False, help_text="Whether the reward model is refreshed by itself."
    )
    policy_enabled = serializers.BooleanField(required=False, help_text="Whether a policy is trained by itself.")
    promotion_enabled = serializers.BooleanField(
        required=False, help_text="Whether what passes the gate serves by itself."
    )
    judgements_per_refresh = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="New judgements after which the reward model is trained.",
    )
    refreshes_per_policy = serializers.IntegerField(required=False, min_value=1, max_value=100)
    minutes_between_runs = serializers.IntegerField(
        required=False, min_value=0, max_value=MOST_MINUTES, help_text="Between the starts of two runs of a clock."
    )
    minutes_at_most = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST_MINUTES, help_text="That a judgement waits."
    )
    method = serializers.ChoiceField(METHODS, required=False)
    start = serializers.ChoiceField(Start.choices, required=False, help_text="What policy training starts from.")
    preset = serializers.ChoiceField(Preset.choices, required=False)
    features = serializers.ChoiceField(
        Features.choices, required=False, help_text="What the heads of the reward model read."
    )
    members = serializers.IntegerField(
        required=False, min_value=1, max_value=64, help_text="Heads of the reward model."
    )
    pessimism = serializers.FloatField(
        required=False, min_value=0, max_value=100, help_text="Deviations of the heads taken from their mean."
    )
    kl_budget = serializers.FloatField(
        required=False, allow_null=True, min_value=0.01, max_value=10_000, help_text="Nats at 1,000 judgements."
    )
    keep_policies = serializers.IntegerField(required=False, min_value=1, max_value=1000)
    beta = serializers.FloatField(required=False, min_value=0.0001, max_value=100, help_text="KL strength.")
    prompts_per_round = serializers.IntegerField(
        required=False, min_value=1, max_value=10_000, help_text="For so many prompts a policy version writes at once."
    )
    temperature = serializers.FloatField(required=False, min_value=0.01, max_value=10, help_text="Of sampling.")
    max_new_tokens = serializers.IntegerField(
        required=False, min_value=1, max_value=32_768, help_text="Tokens that a completion may have."
    )
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**63 - 1)


class LoopOut(Out):
    enabled = serializers.BooleanField()
    refresh_enabled = serializers.BooleanField()
    policy_enabled = serializers.BooleanField()
    promotion_enabled = serializers.BooleanField()
    judgements_per_refresh = serializers.IntegerField()
    refreshes_per_policy = serializers.IntegerField()
    minutes_between_runs = serializers.IntegerField()
    minutes_at_most = serializers.IntegerField(allow_null=True)
    features = serializers.ChoiceField(Features.choices)
    members = serializers.IntegerField()
    pessimism = serializers.FloatField()
    kl_budget = serializers.FloatField(allow_null=True)
    keep_policies = serializers.IntegerField()
    method = serializers.ChoiceField(METHODS)
    start = serializers.ChoiceField(Start.choices)
    preset = serializers.ChoiceField(Preset.choices)
    beta = serializers.FloatField()
    prompts_per_round = serializers.IntegerField()
    temperature = serializers.FloatField()
    max_new_tokens = serializers.IntegerField()
    seed = serializers.IntegerField()


class LoopView(ApiView):
    writes = Scope.RUNS

    @extend_schema(responses={200: LoopOut}, operation_id="loop_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """How the project's loop samples and trains; for admins and researchers."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        return Response(_shown(selectors.loop_settings(project.id)))

    @extend_schema(request=LoopIn, responses={200: LoopOut, **refusals(409, 415)}, operation_id="loop_update")
    def patch(self, request: SignedInApiRequest, slug: str) -> Response:
        """Change how it samples and trains from its next round and its next run on; for admins."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        body = LoopIn(data=request.data)
        body.is_valid(raise_exception=True)
        changed = services.change_loop(project_id=project.id, changed_by=request.user.pk, **body.validated_data)
        return Response(_shown(changed))


class LoopEffectOut(Out):
    setting = serializers.CharField(help_text="Empty: what a clock does next, by several settings.")
    clock = serializers.CharField(help_text="Its name in words; empty for a setting.")
    text = serializers.CharField(help_text="What the change does.")


class LoopEffectsOut(Out):
    effects = LoopEffectOut(many=True, help_text="On the clocks, the queue, runs under way and kept files.")


class LoopEffectsView(ApiView):
    writes = Scope.RUNS

    @extend_schema(request=LoopIn, responses={200: LoopEffectsOut, **refusals(415)}, operation_id="loop_effects")
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """What a change of the loop's settings would do to what is under way; nothing is changed."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        body = LoopIn(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(LoopEffectsOut({"effects": effects_of(project.id, body.validated_data)}).data)


def _shown(settings: LoopSettings) -> dict[str, Any]:
    return LoopOut({name: getattr(settings, name) for name in services.LOOP_FIELDS}).data
