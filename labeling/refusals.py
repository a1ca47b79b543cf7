"""How every refusal of the API looks, and what each status means: for the description of the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers


class ErrorOut(serializers.Serializer[Any]):
    """Every refusal."""

    detail = serializers.CharField(help_text="A sentence that names the value and the remedy.")
    code = serializers.CharField(help_text="For programs.")
    fields = serializers.DictField(  # type: ignore[assignment]  # a field of that name, too
        child=serializers.CharField(), required=False, help_text="Reasons by field, where fields were invalid."
    )


REASONS = {
    400: "Invalid input; `fields` names what is wrong.",
    401: "No token, or one that is not valid.",
    403: "Your role does not do this (`not_allowed`), your token is for other things (`scope_missing`), or the project "
    "asks you for a second factor (`second_factor_required`).",
    404: "No such thing for you; whether it exists for others is not said.",
    409: "The state of things has moved on; `code` says how.",
    412: "It has changed since you read it: read it again. Nothing was changed.",
    415: "Another content type than application/json.",
    429: "Too many requests; the header Retry-After says how many seconds to wait.",
}


def errors(*statuses: int) -> dict[int, Any]:
    """The refusals of an endpoint beside those that every endpoint has."""
    return {status: OpenApiResponse(ErrorOut, description=REASONS[status]) for status in statuses}
