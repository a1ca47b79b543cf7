"""From domain errors to statuses, once, for pages, fragments and API alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework.response import Response
from rest_framework.views import exception_handler

from labeling.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from labeling.models import User

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

STATUSES: dict[type[DomainError], int] = {Invalid: 400, NotAllowed: 403, NotFound: 404, Conflict: 409}


class SignedInRequest(HttpRequest):
    """A request that passed login_required and the htmx middleware."""

    user: User
    htmx: HtmxDetails


def error_to_status(error: DomainError) -> int:
    """The HTTP status of a refusal."""
    return STATUSES.get(type(error), 400)


class DomainErrorMiddleware:
    """Turns a domain error that a view raised into a page, or into JSON for a script that asked for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render a domain error; everything else goes its way."""
        if not isinstance(exception, DomainError):
            return None
        status = error_to_status(exception)
        if "application/json" in request.headers.get("Accept", ""):
            return JsonResponse(error_body(exception), status=status)
        context = {"status": status, "message": exception.message, "code": exception.code}
        template = "labeling/_error.html" if getattr(request, "htmx", False) else "labeling/error.html"
        return render(request, template, context, status=status)


def error_body(error: DomainError) -> dict[str, str]:
    """What a program gets: a sentence and a code."""
    return {"detail": error.message, "code": error.code}


def api_exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's handler, with the domain errors added."""
    if isinstance(exc, DomainError):
        return Response(error_body(exc), status=error_to_status(exc))
    return exception_handler(exc, context)
