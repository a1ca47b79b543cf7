"""Fields that take what they say and nothing that merely looks like it: no "5" for 5, no 1 for true."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from labeling.rest import MAX_BIGINT

ID = re.compile(r"[1-9][0-9]{0,18}")


class Strict(serializers.Serializer[Any]):
    """A body whose unknown fields are refused, so that a misspelt one is not taken for a missing one."""

    def to_internal_value(self, data: Any) -> Any:
        """Check names, then values."""
        if isinstance(data, Mapping) and (unknown := [str(name) for name in data if name not in self.fields]):
            known = ", ".join(self.fields)
            raise serializers.ValidationError({name: [f"unknown field; known are {known}"] for name in unknown})
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A JSON number without a fraction; 9.0 is one, too."""

    def to_internal_value(self, data: Any) -> int:
        """The number itself."""
        if isinstance(data, float) and data.is_integer():
            return self.to_internal_value(int(data))
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return int(data)


class Number(serializers.FloatField):
    """A JSON number."""

    def to_internal_value(self, data: Any) -> float:
        """The number as a float."""
        if not isinstance(data, int | float) or isinstance(data, bool) or abs(data) > 1e300 or not math.isfinite(data):
            self.fail("invalid")
        return float(data)


class YesNo(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data: Any) -> bool:
        """The value itself."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return bool(data)


class Text(serializers.CharField):
    """A JSON text, kept as it is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "allow_blank": True, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        """The text itself."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class ClientId(serializers.UUIDField):
    """A UUID as a text."""

    def to_internal_value(self, data: Any) -> UUID:
        """The UUID."""
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class ById(serializers.DictField):
    """An object whose names are ids."""

    def to_internal_value(self, data: Any) -> dict[Any, Any]:
        """The values by whole-number ids."""
        values = super().to_internal_value(data)
        for name in values:
            if not (ID.fullmatch(name) and int(name) <= MAX_BIGINT):
                raise serializers.ValidationError(f"{name[:40]!r} is not the id of a completion")
        return {int(name): value for name, value in values.items()}


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "minLength": 1},
            {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["role", "content"],
                    "properties": {
                        "role": {"type": "string", "enum": ["system", "user", "assistant"]},
                        "content": {"type": "string"},
                    },
                },
            },
        ]
    }
)
class PromptText(serializers.JSONField):
    """A text (one turn of the user) or messages; services.texts.check_messages says which are taken."""
