"""What a page or the API says when something broke. Nothing here asks the database: it may be what broke."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from psycopg_pool import PoolClosed, PoolTimeout

AWAY = (OperationalError, InterfaceError, PoolTimeout, PoolClosed)
RETRY_SECONDS = 2


def server_error(request: HttpRequest) -> HttpResponse:
    """503 with Retry-After while the database is away, 500 for everything else; JSON for programs."""
    if isinstance(sys.exc_info()[1], AWAY):
        return _failure(
            request,
            status=503,
            code="database_away",
            message=_("The database is away for a moment. Nothing was stored by this request; try it again."),
        )
    return _failure(
        request,
        status=500,
        code="server_error",
        message=_("Something went wrong on the server. It was logged; what you wrote is kept in this browser."),
    )


def _failure(request: HttpRequest, *, status: int, code: str, message: str) -> HttpResponse:
    wants_json = request.path.startswith("/api/") or "application/json" in request.headers.get("Accept", "")
    response: HttpResponse
    if wants_json:
        response = JsonResponse({"detail": message, "code": code}, status=status)
    else:
        context = {"status": status, "message": message}
        response = HttpResponse(render_to_string("labeling/failure.html", context), status=status)
    if status == 503:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response
