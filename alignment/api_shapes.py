"""What the endpoints of runs, policies and evaluations share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

Out = serializers.Serializer[Any]


class RefusalOut(Out):
    """Every refusal."""

    detail = serializers.CharField(help_text="A sentence that names the value and the remedy.")
    code = serializers.CharField(help_text="For programs.")


class Strict(Out):
    """A body whose unknown fields are refused, so that a misspelt one is not taken for a missing one."""

    def to_internal_value(self, data: Any) -> Any:
        """Check names, then values."""
        if isinstance(data, Mapping) and (unknown := [str(name) for name in data if name not in self.fields]):
            known = ", ".join(self.fields)
            raise serializers.ValidationError({name: [f"unknown field; known are {known}"] for name in unknown})
        return super().to_internal_value(data)


REASONS = {
    400: "Invalid input; the sentence names the value and the remedy.",
    401: "No token, or one that is not valid.",
    403: "Your role does not do this.",
    404: "No such thing for you; whether it exists for others is not said.",
    409: "The state of things has moved on.",
    415: "Another content type than application/json.",
}


def refusals(*statuses: int) -> dict[int, Any]:
    """The refusals of an endpoint, for its documentation."""
    return {status: OpenApiResponse(RefusalOut, description=REASONS[status]) for status in statuses}
