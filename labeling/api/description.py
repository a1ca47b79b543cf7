"""The description of the API: what every operation has in common is said once, here."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import Direction, OpenApiParameter, OpenApiResponse

from labeling.api.examples import example_of
from labeling.refusals import REASONS, ErrorOut
from labeling.rest import ApiView

UNCHANGED = "Not changed since the answer with this ETag."
JSON = "application/json"


class Schema(AutoSchema):
    """Adds the refusals that every endpoint has, the scope that a token needs, and conditional reads."""

    def get_description(self) -> str:  # type: ignore[override]  # drf_spectacular's, which takes no arguments
        """What the endpoint does, and what a token has to be for."""
        text = str(super().get_description())
        if not self.get_auth() or not isinstance(self.view, ApiView):
            return text
        return f"{text}\n\nScope of the token: `{self.view.scope_of(self.method).value}`."

    def get_override_parameters(self) -> list[Any]:
        """The header of a conditional read."""
        if not self._is_conditional():
            return []
        return [
            OpenApiParameter(
                "If-None-Match",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="The ETag of an answer that you have: 304 while it is what you would get again.",
            )
        ]

    def _is_conditional(self) -> bool:
        return self.method == "GET" and isinstance(self.view, ApiView) and self.view.is_tagged

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._common():
            if str(status) not in bodies:
                refusal = OpenApiResponse(ErrorOut, description=REASONS[status])
                bodies[str(status)] = self._said(refusal, str(status), direction)
        if self._is_conditional():
            bodies["304"] = {"description": UNCHANGED}
        return dict(sorted(bodies.items()))

    def _said(self, refusal: OpenApiResponse, status: str, direction: Direction) -> dict[str, Any]:
        said: dict[str, Any] = self._get_response_for_code(  # type: ignore[no-untyped-call]  # it is
            refusal, status, direction=direction
        )
        return said

    def _common(self) -> list[int]:
        common = [400, 429]
        common += [401, 403] if self.get_auth() else []
        common += [404] if "{" in self.path else []
        common += [409] if "{" in self.path and self.method != "GET" else []  # of an archived project
        return common


def loosen_json(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Any JSON that may be null is any JSON: said as one of both, null would be both."""
    for component in result["components"]["schemas"].values():
        for schema in component.get("properties", {}).values():
            if {} in schema.get("oneOf", []):
                del schema["oneOf"]
    return result


def add_examples(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Give each body and each good answer an example that fits its schema, where it has none."""
    components = result["components"]["schemas"]
    for methods in result["paths"].values():
        for operation in methods.values():
            bodies = [body for status, body in operation["responses"].items() if status.startswith("2")]
            for body in [*bodies, operation.get("requestBody", {})]:
                media = body.get("content", {}).get(JSON)
                if media and not {"example", "examples"} & set(media):
                    media["example"] = example_of(media["schema"], components)
            for parameter in operation.get("parameters", []):
                if parameter.get("required"):
                    parameter["example"] = example_of(parameter["schema"], components, name=parameter["name"])
    return result
