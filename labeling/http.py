"""From domain errors to statuses, once, for pages, fragments and API alike; and who has to be signed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext
from django_htmx.http import HttpResponseClientRedirect

from labeling.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotAllowed,
    NotFound,
    SecondFactorNeeded,
    Stale,
    TooManyAttempts,
)
from labeling.models import User
from labeling.services.archive import refused_by_database

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

AFTER_SECOND_FACTOR = "after_second_factor"
"""In a session: who was led to set up a second factor, from where, and why."""
STATUSES: dict[type[DomainError], int] = {
    Invalid: 400,
    NotAllowed: 403,
    SecondFactorNeeded: 403,
    NotFound: 404,
    Conflict: 409,
    Stale: 412,
    TooManyAttempts: 429,
}
P = ParamSpec("P")


class SignedInRequest(HttpRequest):
    """A request that passed signed_in and the htmx middleware."""

    user: User
    htmx: HtmxDetails


def signed_in(view: Callable[Concatenate[SignedInRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Let only people in who signed in.

    A page leads to the login and back. A fragment or a script gets 401 and stays where it is: what the person wrote
    there must not go away with it.
    """

    @wraps(view)
    def checked(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if wants_json(request) or request.htmx:
            return refusal(request, status=401, code="signed_out", message=gettext("You are signed out."))
        return redirect_to_login(request.get_full_path())

    return checked


def address_of(request: HttpRequest) -> str:
    """The network address that somebody asks from; of IPv6 the part that their provider gave them.

    Behind a proxy uvicorn puts the client's address here, when it trusts the proxy (FORWARDED_ALLOW_IPS).
    """
    asked_from = request.META.get("REMOTE_ADDR", "")
    try:
        address = ip_address(asked_from)
    except ValueError:
        return str(asked_from)
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks, and not a person's browser."""
    return "application/json" in request.headers.get("Accept", "")


def error_to_status(error: DomainError) -> int:
    """The HTTP status of a refusal."""
    return STATUSES.get(type(error), 400)


def refusal(request: HttpRequest, *, status: int, code: str, message: str) -> HttpResponse:
    """A refusal as the caller can use it: JSON, a notice in the open page with the work kept, or a page."""
    if wants_json(request):
        return JsonResponse({"detail": message, "code": code}, status=status)
    context = {"status": status, "message": message, "code": code, "login_url": reverse("login")}
    if not getattr(request, "htmx", False):
        return render(request, "labeling/error.html", context, status=status)
    response = render(request, "labeling/_error.html", context, status=status)
    response["HX-Retarget"] = "#notices"
    response["HX-Reswap"] = "innerHTML"
    return response


class PersonMiddleware(AuthenticationMiddleware):
    """Who asks: with a session its person, who was read with it; in any unusual case whom Django finds."""

    def process_request(self, request: HttpRequest) -> None:
        """Set ``request.user``."""
        super().process_request(request)
        if settings.SESSION_COOKIE_NAME in request.COOKIES:  # everything that follows asks for it
            request.user = person_of(request)


def person_of(request: HttpRequest) -> User | AnonymousUser:
    """The person who is signed in. As django.contrib.auth.get_user, which reads them in a statement of their own."""
    session = request.session
    known, backend, proof = map(session.get, (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY))
    person: User | None = getattr(session, "person", None)
    if (
        person is not None
        and person.is_active
        and known == str(person.pk)
        and backend in settings.AUTHENTICATION_BACKENDS
        and constant_time_compare(proof or "", person.get_session_auth_hash())
    ):
        return person
    return get_user(request)


class OwnLanguageMiddleware:
    """Speaks the language that a person chose in their settings; else it is the browser's (LocaleMiddleware)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without a session there is nobody to ask the database about.
        person = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None
        if isinstance(person, User) and person.language:
            translation.activate(person.language)
            request.LANGUAGE_CODE = translation.get_language()  # as LocaleMiddleware does
        return self.get_response(request)


class DomainErrorMiddleware:
    """Turns a domain error that a view raised into a page, a fragment or JSON."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render a domain error; everything else goes its way."""
        error = exception if isinstance(exception, DomainError) else refused_by_database(exception)
        if error is None:
            return None
        if isinstance(error, SecondFactorNeeded) and not wants_json(request):
            return lead_to_second_factor(request, error)
        return refusal(request, status=error_to_status(error), code=error.code, message=error.message)


def lead_to_second_factor(request: HttpRequest, error: SecondFactorNeeded) -> HttpResponse:
    """To the page where it is set up, which says why and leads back; a judgement that was sent is stored already."""
    came_from = request.get_full_path() if request.method == "GET" else "/"
    htmx = getattr(request, "htmx", None)
    if htmx:
        came_from = htmx.current_url_abs_path or "/"
    request.session[AFTER_SECOND_FACTOR] = {"address": came_from, "reason": error.message}
    return HttpResponseClientRedirect(reverse("second-factor")) if htmx else redirect("second-factor")


def error_body(error: DomainError) -> dict[str, str]:
    """What a program gets: a sentence and a code."""
    return {"detail": error.message, "code": error.code}
