"""A project's list of flags, for its admins."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Invalid
from labeling.forms import FlagsForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.effects import effects_of
from labeling.services.projects import update_project


@require_safe
@never_cache
@signed_in
def flags(request: SignedInRequest, slug: str) -> HttpResponse:
    """Which flags there are, which are asked about, and in which order."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    return show(request, membership, FlagsForm(project=membership.project))


@require_POST
@signed_in
def save(request: SignedInRequest, slug: str) -> HttpResponse:
    """Store the list; a button beside a flag moves it, too."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = FlagsForm(request.POST, project=membership.project)
    move = request.POST.get("move", "")
    if form.is_valid():
        try:
            update_project(project=membership.project, changed_by=request.user, **form.as_settings(move=move))
        except Invalid as error:
            form.add_error(None, error.message)
    if form.errors:
        return show(request, membership, form, status=422)
    if not move:
        messages.success(request, gettext("The flags are saved."))
        return redirect("flags", slug)
    return redirect(f"{reverse('flags', args=[slug])}?{urlencode({'moved': move})}")


def show(request: SignedInRequest, membership: Membership, form: FlagsForm, *, status: int = 200) -> HttpResponse:
    """The list as it was sent, or as it is stored."""
    context = {
        "project": membership.project,
        "role": membership.role,
        "form": form,
        "moved": request.GET.get("moved", ""),
        "effects": effects_of(membership.project, {"flags": []}),
    }
    return render(request, "labeling/flags.html", context, status=status)
