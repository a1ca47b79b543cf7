"""Which renderer answers where the query says what is wanted."""

from __future__ import annotations

from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request


class FormatIsOurs(DefaultContentNegotiation):
    """?format= is a parameter of the endpoint, not DRF's; whatever Accept says, refusals are JSON."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """JSON, for refusals and manifests."""
        return JSONRenderer(), "application/json"
