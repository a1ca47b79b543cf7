"""Words for the OpenAPI description that several endpoints share."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from labeling.refusals import errors as errors

HELD_OUT = OpenApiParameter(
    "held_out", OpenApiTypes.BOOL, description="Only held-out prompts (true), or only the others (false)."
)
