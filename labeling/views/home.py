"""Where people start, and what a load balancer asks."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from labeling.http import SignedInRequest, signed_in
from labeling.models import Role
from labeling.selectors.access import projects_of
from labeling.selectors.progress import overview


@require_safe
@signed_in
def home(request: SignedInRequest) -> HttpResponse:
    """My projects, each with its progress and my share; with ?archived=1 those that were put away."""
    archived = request.GET.get("archived") == "1"
    places = overview(request.user, archived=archived)
    is_admin = request.user.is_superuser or any(place.role == Role.ADMIN for place in places)
    context = {
        "places": places,
        "archived": archived,
        "has_archived": archived or projects_of(request.user, archived=True).exists(),
        "may_start_projects": is_admin or not places,
    }
    return render(request, "labeling/home.html", context)


@require_safe
@cache_control(max_age=24 * 3600)
def favicon(request: HttpRequest) -> HttpResponse:
    """Where the icon is, for pages that name none: the admin's, and what browsers show of the API."""
    return redirect(static("img/icon.svg"))


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The word ok as long as the database answers; handler500 says 503 when it does not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
