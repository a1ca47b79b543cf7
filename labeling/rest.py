"""What every endpoint shares, whichever app serves it: errors, JSON bodies, cursors, query parameters."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext
from rest_framework import exceptions, negotiation, pagination, parsers, views
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.errors import DomainError, NotAllowed, TooManyAttempts
from labeling.http import error_body, error_to_status
from labeling.models import ApiToken, User
from labeling.models import Scope as Scope  # for the views of other apps, too
from labeling.services.archive import refused_by_database

MAX_BIGINT = 2**63 - 1
logger = logging.getLogger(__name__)


class SignedInApiRequest(Request):
    """A request that passed authentication."""

    user: User


class JsonParser(parsers.JSONParser):
    """JSON bodies; one that is nested too deep is a bad request, not an error of the server."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Read the body.

        Raises:
            ParseError: no JSON, not UTF-8, NaN or infinity, or nested too deep.
        """
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise exceptions.ParseError("JSON parse error - nested too deep") from None


class JsonAlways(negotiation.DefaultContentNegotiation):
    """Answers are JSON, whatever Accept says; ?format= is a parameter of ours or refused, not DRF's."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """JSON."""
        return JSONRenderer(), "application/json"


class ApiView(views.APIView):
    """An endpoint: unknown query parameters are refused, so that a misspelt filter never passes for a result."""

    parser_classes = (JsonParser,)
    content_negotiation_class = JsonAlways
    query_parameters: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Names by method; every other one is refused."""
    reads: ClassVar[Scope] = Scope.READ
    writes: ClassVar[Scope] = Scope.MANAGE
    """What a token has to be for, to get something here and to change something here."""
    is_tagged: ClassVar[bool] = True
    """Whether what it reads has an ETag; not what is streamed."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then look at the token and at the query.

        Raises:
            NotAllowed: a token that is for other things.
            ValidationError: a parameter that this endpoint does not know, or one given twice.
        """
        super().initial(request, *args, **kwargs)
        self.check_scope(request)
        method = "GET" if request.method == "HEAD" else request.method or ""
        known = self.query_parameters.get(method, frozenset())
        for name, values in request.query_params.lists():
            if name not in known:
                names = ", ".join(sorted(known)) or "none"
                raise exceptions.ValidationError({name: [f"unknown query parameter; this endpoint knows: {names}"]})
            if len(values) > 1:
                raise exceptions.ValidationError({name: ["given more than once"]})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What was read gets an ETag; it is not sent again to whom has it."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if request.method in {"GET", "HEAD"} and response.status_code == 200 and isinstance(response, Response):
            response.add_post_render_callback(lambda rendered: _if_changed(request, rendered))
        return response

    @classmethod
    def scope_of(cls, method: str) -> Scope:
        """What a token has to be for."""
        return cls.reads if method in {"GET", "HEAD", "OPTIONS"} else cls.writes

    def check_scope(self, request: Request) -> None:
        """Refuse a token that its owner made for other things; what the owner's role allows is asked later."""
        needed = self.scope_of(request.method or "")
        if isinstance(request.auth, ApiToken) and needed not in request.auth.scopes:
            raise NotAllowed(
                gettext(
                    "this needs a token with the scope {needed}; yours has {scopes}: make one under Settings"
                ).format(needed=needed, scopes=", ".join(request.auth.scopes)),
                code="scope_missing",
            )


class Cursor(pagination.CursorPagination):
    """Pages of 100 by id, newest last: {next, previous, results}; page_size up to 1,000."""

    ordering = "id"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000
    invalid_cursor_message = "this cursor was not made here: follow next and previous"
    PARAMETERS: ClassVar[frozenset[str]] = frozenset({"cursor", "page_size"})

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The same for the description of the API."""
        size = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        about = "From `next` or `previous` of another page."
        return [
            {"name": "cursor", "in": "query", "required": False, "description": about, "schema": {"type": "string"}},
            {"name": "page_size", "in": "query", "required": False, "schema": size},
        ]

    def decode_cursor(self, request: Request) -> Any:
        """The cursor of the request, None on the first page.

        Raises:
            ValidationError: one that no page of ours led to.
        """
        try:
            cursor = super().decode_cursor(request)
        except exceptions.NotFound:
            cursor = None
            valid = False
        else:
            position = None if cursor is None or cursor.position is None else str(cursor.position)
            valid = position is None or (position.isdecimal() and position.isascii() and int(position) <= MAX_BIGINT)
        if not valid:
            raise exceptions.ValidationError({"cursor": [self.invalid_cursor_message]})
        return cursor

    def get_page_size(self, request: Request) -> int | None:
        """The size asked for.

        Raises:
            ValidationError: no whole number from 1 to 1,000.
        """
        asked = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not (asked.isdecimal() and asked.isascii() and len(asked) < 6 and 1 <= int(asked) <= self.max_page_size):
            message = f"{asked!r} is not a number from 1 to {self.max_page_size}"
            raise exceptions.ValidationError({"page_size": [message]})
        return int(asked)


class NewestFirst(Cursor):
    """The same, newest first."""

    ordering = "-id"


def _if_changed(request: Request, response: Any) -> Any:
    if not response.has_header("ETag"):
        response["ETag"] = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
    return get_conditional_response(request._request, etag=response["ETag"], response=response)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Every refusal as {detail, code}; invalid fields are named in ``fields`` as well."""
    exc = refused_by_database(exc) or exc
    if isinstance(exc, DomainError):
        wait = {"Retry-After": str(exc.seconds)} if isinstance(exc, TooManyAttempts) else None
        return Response(_sayable(error_body(exc)), status=error_to_status(exc), headers=wait)
    if isinstance(exc, OperationalError):
        logger.error("The database is away: %s", exc)
        body = {"detail": "the database does not answer: try again in a moment", "code": "database_away"}
        return Response(body, status=503, headers={"Retry-After": "5"})
    response = views.exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, Http404 | PermissionDenied):
        exc = exceptions.NotFound() if isinstance(exc, Http404) else exceptions.PermissionDenied()
    if isinstance(exc, exceptions.ValidationError):
        fields = _flat(exc.detail)
        detail = "; ".join(f"{name}: {text}" if name else text for name, text in fields)
        named = _sayable({name: text for name, text in fields if name})
        response.data = {**_sayable({"detail": detail, "code": "invalid"}), "fields": named}
    elif isinstance(exc, exceptions.APIException):
        code = str(getattr(exc.detail, "code", exc.default_code))
        response.data = _sayable({"detail": str(exc.detail), "code": code})
    return response


def _sayable(body: dict[str, str]) -> dict[str, str]:
    """The same with half surrogate pairs spelt out: a message may quote what was sent, which UTF-8 may not hold."""
    return {
        name.encode(errors="backslashreplace").decode(): text.encode(errors="backslashreplace").decode()
        for name, text in body.items()
    }


def _flat(detail: Any, name: str = "") -> list[tuple[str, str]]:
    """Nested validation errors as (dotted name, text)."""
    if isinstance(detail, dict):
        return [
            row
            for key, value in detail.items()
            for row in _flat(value, name if key == "non_field_errors" else f"{name}.{key}".lstrip("."))
        ]
    if isinstance(detail, list):
        return [
            row
            for number, value in enumerate(detail)
            for row in _flat(value, f"{name}.{number}".lstrip(".") if isinstance(value, dict | list) else name)
            if value
        ]
    return [(name, str(detail))]
