"""How a project names its people outside."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from labeling.api.docs import errors
from labeling.api.fields import Strict, Text
from labeling.api.serializers import Out
from labeling.errors import Invalid
from labeling.models import Project, Scope
from labeling.rest import ApiView, SignedInApiRequest
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.pseudonyms import renaming_of
from labeling.services.pseudonyms import key_pseudonyms


class KeyIn(Strict):
    project = Text(max_length=50, help_text="The project's slug, to be sure.")


class PseudonymsOut(Out):
    is_keyed = serializers.BooleanField(help_text="Made with a secret of the project; those of old projects are not.")
    people = serializers.IntegerField(help_text="Who would be called otherwise.")
    snapshots = serializers.IntegerField(help_text="Which would keep the names of before.")
    effects = serializers.ListField(child=serializers.CharField(), help_text="What making them so would do, in words.")


class PseudonymsView(ApiView):
    reads = writes = Scope.MANAGE

    @extend_schema(responses={200: PseudonymsOut, **errors(401, 403, 404)}, operation_id="pseudonyms_retrieve")
    def get(self, request: SignedInApiRequest, slug: str) -> Response:
        """Whether pseudonyms are made with a secret, and what would change if they were."""
        return Response(_shown(membership_in(slug, user=request.user, roles=MANAGERS).project))

    @extend_schema(
        request=KeyIn,
        responses={200: PseudonymsOut, **errors(400, 401, 403, 404, 409, 415)},
        operation_id="pseudonyms_key",
    )
    def post(self, request: SignedInApiRequest, slug: str) -> Response:
        """Make them with a secret from now on. It can't be undone: name the project to be sure."""
        project = membership_in(slug, user=request.user, roles=MANAGERS).project
        body = KeyIn(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data["project"] != project.slug:
            raise Invalid(gettext("that is not the slug of this project: nothing was changed"))
        return Response(_shown(key_pseudonyms(project=project, changed_by=request.user)))


def _shown(project: Project) -> dict[str, Any]:
    found = renaming_of(project)
    counts = {name: getattr(found, name) for name in ("is_keyed", "people", "snapshots")}
    return dict(PseudonymsOut({**counts, "effects": [text for _, text in found.texts]}).data)
