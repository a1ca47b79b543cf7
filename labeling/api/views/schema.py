"""The description of the API itself, and what is said where nothing is."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext, override
from django.views import View
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from labeling.errors import Invalid
from labeling.rest import JsonAlways

RENDERERS = {"yaml": OpenApiYamlRenderer, "json": OpenApiJsonRenderer2}


@cache
def _described(file_format: str) -> tuple[bytes, str]:
    """The description and its ETag; made once, because that takes half a second."""
    with override("en"):
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # it is
    rendered = RENDERERS[file_format]().render(schema, renderer_context={})
    content = rendered.encode() if isinstance(rendered, str) else rendered
    return content, quote_etag(hashlib.sha256(content).hexdigest()[:32])


class SchemaView(APIView):
    """OpenAPI 3.1, for everybody: as YAML, or as JSON with ?format=json."""

    authentication_classes = ()
    permission_classes = ()
    content_negotiation_class = JsonAlways
    throttle_classes = ()
    schema = None

    def get(self, request: Request) -> HttpResponseBase:
        """The description of the API."""
        file_format = request.GET.get("format", "yaml")
        if file_format not in RENDERERS:
            raise Invalid(gettext("{wrong!r} is no format: take yaml or json").format(wrong=file_format[:40]))
        content, etag = _described(file_format)
        response = HttpResponse(content, content_type=RENDERERS[file_format].media_type)
        response["ETag"] = etag
        return get_conditional_response(request._request, etag=etag, response=response) or response


class NothingHereView(View):
    """Refuses in JSON what is no address of the API."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Say so."""
        text = gettext("there is no {path}: /api/schema/ lists what there is").format(path=request.path[:200])
        return JsonResponse({"detail": text, "code": "not_found"}, status=404)
