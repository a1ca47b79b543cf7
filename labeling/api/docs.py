"""Words for the OpenAPI description that several endpoints share."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from labeling.api.serializers import ErrorOut

REASONS = {
    400: "Invalid input; `fields` names what is wrong.",
    401: "No token, or one that is not valid.",
    403: "Your role does not do this.",
    404: "No such thing for you; whether it exists for others is not said.",
    409: "The state of things has moved on; `code` says how.",
    415: "Another content type than application/json.",
    429: "Too many attempts; the header Retry-After says how long to wait.",
}
HELD_OUT = OpenApiParameter(
    "held_out", OpenApiTypes.BOOL, description="Only held-out prompts (true), or only the others (false)."
)


def errors(*statuses: int) -> dict[int, Any]:
    """The refusals of an endpoint, for its documentation."""
    return {status: OpenApiResponse(ErrorOut, description=REASONS[status]) for status in statuses}
