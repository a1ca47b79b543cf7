"""The API of lineage, below /api/v1/."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from alignment.api_shapes import Out, refusals
from alignment.models import Policy
from alignment.seeing import lineage
from labeling import exchange
from labeling.rest import ApiView, SignedInApiRequest


class ChosenOut(Out):
    rule = serializers.CharField(allow_blank=True)
    propensity = serializers.FloatField(allow_null=True)


class JudgedOut(Out):
    label = serializers.IntegerField()  # type: ignore[assignment]  # a field of that name, too
    annotator = serializers.CharField(allow_blank=True, help_text="Pseudonym.")
    created = serializers.DateTimeField()
    rank = serializers.IntegerField(allow_null=True)
    rating = serializers.IntegerField(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())
    is_current = serializers.BooleanField()


class AncestorOut(Out):
    version = serializers.IntegerField()
    method = serializers.CharField(allow_blank=True)
    digest = serializers.CharField(allow_blank=True)
    run = serializers.IntegerField(allow_null=True)
    seed = serializers.IntegerField(allow_null=True)
    code_version = serializers.CharField(allow_blank=True)
    snapshot_digest = serializers.CharField(allow_blank=True)
    snapshot_last = serializers.IntegerField(allow_null=True, help_text="The newest judgement that it may know of.")


class PersonBehindOut(Out):
    annotator = serializers.CharField(allow_blank=True, help_text="Pseudonym; empty for imports.")
    num = serializers.IntegerField(help_text="Judgements that the version was trained on.")


class CompletionLineageOut(Out):
    id = serializers.IntegerField()
    text = serializers.CharField(allow_blank=True)
    prompt = serializers.IntegerField()
    held_out = serializers.BooleanField()
    origin = serializers.ChoiceField(["policy", "person", "import"])
    policy_version = serializers.IntegerField(allow_null=True)
    person = serializers.CharField(allow_blank=True)
    demonstration = serializers.IntegerField(allow_null=True, help_text="The judgement in which it was written.")
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]  # a field of that name, too
    model = serializers.CharField(
        allow_blank=True, help_text="Name of the model of elsewhere that wrote it, where its file told that."
    )
    sampling = serializers.DictField(allow_null=True)
    logprob = serializers.FloatField(allow_null=True)
    created = serializers.DateTimeField()
    chosen = ChosenOut(many=True, help_text="How it came to be asked about, by item.")
    judgements = JudgedOut(many=True, help_text="The newest ones.")
    num_judgements = serializers.IntegerField()
    policies = AncestorOut(many=True, help_text="The version that wrote it, what that was trained after, to the base.")
    people = PersonBehindOut(many=True)


class SaidOut(Out):
    completion = serializers.IntegerField()
    policy_version = serializers.IntegerField(allow_null=True)
    rank = serializers.IntegerField(allow_null=True)
    rating = serializers.IntegerField(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())


class MovedOut(Out):
    run = serializers.IntegerField()
    method = serializers.CharField()
    state = serializers.CharField()
    reward_model = serializers.IntegerField(allow_null=True, help_text="Number of the one that it trained.")
    policy = serializers.IntegerField(allow_null=True, help_text="Version that it made.")


class LabelLineageOut(Out):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name, too
    annotator = serializers.CharField(allow_blank=True, help_text="Pseudonym.")
    created = serializers.DateTimeField()
    prompt = serializers.IntegerField()
    held_out = serializers.BooleanField(help_text="Then models are checked by it, and none is trained on it.")
    is_learned_from = serializers.BooleanField(help_text="False for blind evaluations and known answers.")
    rule = serializers.CharField(allow_blank=True)
    propensity = serializers.FloatField(allow_null=True)
    supersedes = serializers.IntegerField(allow_null=True)
    superseded_by = serializers.IntegerField(allow_null=True)
    said = SaidOut(many=True)
    moved = MovedOut(many=True, help_text="The newest runs whose snapshot has it.")
    num_moved = serializers.IntegerField()


class OwnPartOut(Out):
    version = serializers.IntegerField(allow_null=True, help_text="The newest that learned from any; null: none yet.")
    is_serving = serializers.BooleanField(help_text="Whether it writes what is judged now.")
    num = serializers.IntegerField(help_text="Judgements of yours that it learned from.")


class OwnPartView(ApiView):
    @extend_schema(responses={200: OwnPartOut, **refusals(400, 401, 403, 404)}, operation_id="my_part_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """In which version your judgements are."""
        project = exchange.project_for(slug, user=request.user)
        part = lineage.own_part(project.id, user_id=request.user.pk)
        return Response(OwnPartOut(asdict(part) if part else {"version": None, "is_serving": False, "num": 0}).data)


class CompletionLineageView(ApiView):
    @extend_schema(
        responses={200: CompletionLineageOut, **refusals(400, 401, 403, 404)}, operation_id="lineage_completion"
    )
    def get(self, request: SignedInApiRequest, slug: str, completion_id: int) -> Response:
        """Where a completion comes from: versions, runs, seeds, code, judgements and people, these by pseudonym."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        origin = lineage.origin_of(project.id, completion_id)
        chosen = [{"rule": rule, "propensity": propensity} for rule, propensity in origin.facts.chosen]
        people = [{"annotator": name, "num": num} for name, num in origin.people]
        policies = [_ancestor(policy) for policy in origin.policies]
        found = {**asdict(origin.facts), "chosen": chosen, "people": people, "policies": policies}
        return Response(CompletionLineageOut(found).data)


class LabelLineageView(ApiView):
    @extend_schema(responses={200: LabelLineageOut, **refusals(400, 401, 403, 404)}, operation_id="lineage_label")
    def get(self, request: SignedInApiRequest, slug: str, label_id: int) -> Response:
        """What a judgement moved: the runs whose snapshot has it, and what they made."""
        project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
        moved = lineage.moved_by(project.id, label_id)
        runs = [
            {
                "run": run.pk,
                "method": run.method,
                "state": run.state,
                "reward_model": run.reward_model.number if hasattr(run, "reward_model") else None,
                "policy": run.policy.version if hasattr(run, "policy") else None,
            }
            for run in moved.runs
        ]
        return Response(LabelLineageOut({**asdict(moved.facts), "moved": runs, "num_moved": moved.num_runs}).data)


def _ancestor(policy: Policy) -> dict[str, Any]:
    run = policy.run
    names = ("seed", "code_version", "snapshot_digest", "snapshot_last")
    nothing = {"seed": None, "code_version": "", "snapshot_digest": "", "snapshot_last": None}
    return {
        "version": policy.version,
        "method": policy.method,
        "digest": policy.digest,
        "run": policy.run_id,
        **({name: getattr(run, name) for name in names} if run is not None else nothing),
    }
