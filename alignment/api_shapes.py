"""What the endpoints of runs, policies and evaluations share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from labeling.refusals import errors as refusals

__all__ = ["Out", "Strict", "refusals"]

Out = serializers.Serializer[Any]


class Strict(Out):
    """A body whose unknown fields are refused, so that a misspelt one is not taken for a missing one."""

    def to_internal_value(self, data: Any) -> Any:
        """Check names, then values."""
        if isinstance(data, Mapping) and (unknown := [str(name) for name in data if name not in self.fields]):
            known = ", ".join(self.fields)
            raise serializers.ValidationError({name: [f"unknown field; known are {known}"] for name in unknown})
        return super().to_internal_value(data)
