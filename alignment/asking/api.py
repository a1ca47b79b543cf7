"""The API of asking, below /api/v1/: who writes for the queue, and how it is chosen what people see."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from alignment import services
from alignment.api_shapes import Out, Strict, refusals
from alignment.asking.pool import Part
from alignment.asking.shown import Asking, Why, asking_of
from alignment.models.asking import ASKING_FIELDS
from labeling import exchange
from labeling.rest import ApiView, Scope, SignedInApiRequest

RULES = exchange.Rule.choices


class AskingIn(Strict):
    """Settings to be changed; what is left out stays. They count from the next round on."""

    rule = serializers.ChoiceField(RULES, required=False)
    random_share = serializers.FloatField(required=False, min_value=0.05, max_value=1, help_text="Of the items.")
    candidates = serializers.IntegerField(required=False, min_value=2, max_value=64, help_text="Per prompt.")
    prompts_considered = serializers.IntegerField(required=False, min_value=1, max_value=20, help_text="Per item.")
    past_versions = serializers.IntegerField(required=False, min_value=0, max_value=5)
    newest_writes = serializers.BooleanField(required=False)
    sft_writes = serializers.BooleanField(required=False)
    stale_after = serializers.IntegerField(
        required=False, min_value=0, max_value=100, help_text="Promotions until untouched items leave; 0: never."
    )


class PoolWriterOut(Out):
    version = serializers.IntegerField()
    part = serializers.ChoiceField([part.value for part in Part])
    completions = serializers.IntegerField(help_text="Of each prompt's candidates.")


class OpenOut(Out):
    rule = serializers.CharField(allow_blank=True, help_text="Empty: by no rule, as imports.")
    is_random = serializers.BooleanField(help_text="Of the share chosen at random.")
    items = serializers.IntegerField()


class AskingOut(Out):
    rule = serializers.ChoiceField(RULES)
    random_share = serializers.FloatField()
    candidates = serializers.IntegerField()
    prompts_considered = serializers.IntegerField()
    past_versions = serializers.IntegerField()
    newest_writes = serializers.BooleanField()
    sft_writes = serializers.BooleanField()
    stale_after = serializers.IntegerField()
    rule_in_force = serializers.CharField(help_text="A code of `rule`; random while that one can't be followed.")
    why_random = serializers.ChoiceField([why.value for why in Why], allow_null=True)
    reward_model = serializers.IntegerField(allow_null=True, help_text="Number of the one that scores.")
    pool = PoolWriterOut(many=True)
    open = OpenOut(many=True, help_text="Items that nobody has judged often enough yet.")
    has_more = serializers.BooleanField(help_text="Whether the queue is longer than was counted.")
    left = serializers.IntegerField(help_text="Items that left the queue, out of date and untouched.")


class AskingView(ApiView):
    writes = Scope.RUNS

    @extend_schema(responses={200: AskingOut, **refusals(400, 401, 403, 404)}, operation_id="asking_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """How people are asked now; for admins and researchers."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        return Response(_shown(asking_of(project)))

    @extend_schema(request=AskingIn, responses={200: AskingOut, **refusals(409, 415)}, operation_id="asking_update")
    def patch(self, request: SignedInApiRequest, slug: str) -> Response:
        """Change how people are asked from the next round on; for admins."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
        body = AskingIn(data=request.data)
        body.is_valid(raise_exception=True)
        services.change_loop(project_id=project.id, changed_by=request.user.pk, **body.validated_data)
        return Response(_shown(asking_of(project)))


def _shown(asking: Asking) -> dict[str, Any]:
    settings = {name: getattr(asking.settings, name) for name in ASKING_FIELDS}
    return AskingOut(
        {
            **settings,
            "rule_in_force": asking.rule,
            "why_random": asking.why,
            "reward_model": asking.reward_model,
            "pool": [
                {"version": writer.policy.version, "part": writer.part, "completions": writer.completions}
                for writer in asking.writers
            ],
            "open": asking.open,
            "has_more": asking.has_more,
            "left": asking.left,
        }
    ).data


urlpatterns = [path("projects/<slug:slug>/asking/", AskingView.as_view(), name="asking")]
