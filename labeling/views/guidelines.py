"""Guidelines: read beside the work and on a page of their own, written by admins in versions."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.differences import passages
from labeling.errors import Conflict, Invalid
from labeling.forms.guidelines import GuidelinesForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Guidelines, Membership
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.guidelines import (
    current_guidelines,
    guidelines_history,
    guidelines_version,
    unread_change,
)
from labeling.services.guidelines import mark_read, write_guidelines


@require_safe
@never_cache
@signed_in
def guidelines(request: SignedInRequest, slug: str) -> HttpResponse:
    """The guidelines in force with what is new to the reader, and all versions."""
    return show(request, membership_in(slug, user=request.user))


@require_safe
@signed_in
def version(request: SignedInRequest, slug: str, number: int) -> HttpResponse:
    """One version and what it changed."""
    membership = membership_in(slug, user=request.user)
    shown = guidelines_version(membership.project, number)
    before = Guidelines.objects.filter(project=membership.project, version=number - 1).first()
    context = {
        "project": membership.project,
        "role": membership.role,
        "shown": shown,
        "passages": passages(before.text, shown.text) if before else [],
    }
    return render(request, "labeling/guidelines_version.html", context)


@require_safe
@never_cache
@signed_in
def panel(request: SignedInRequest, slug: str) -> HttpResponse:
    """What stands beside the work: the text in force, and once what changed."""
    return show_panel(request, membership_in(slug, user=request.user))


@require_POST
@signed_in
def read(request: SignedInRequest, slug: str) -> HttpResponse:
    """Remember that the person read what they were shown."""
    membership = membership_in(slug, user=request.user)
    number = request.POST.get("version", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise Invalid(gettext("version is {number!r}: name the version that was shown").format(number=number[:40]))
    membership.guidelines_read = mark_read(project=membership.project, user=request.user, version=int(number))
    return show_panel(request, membership) if request.htmx else redirect("guidelines", slug)


@require_POST
@signed_in
def write(request: SignedInRequest, slug: str) -> HttpResponse:
    """Show how a new version would look, or put it in force."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = GuidelinesForm(request.POST)
    if not form.is_valid():
        return show(request, membership, form=form, status=422)
    if "preview" in request.POST:
        return show(request, membership, form=form, is_preview=True)
    try:
        written = write_guidelines(project=membership.project, author=request.user, **form.cleaned_data)
    except (Conflict, Invalid) as error:
        form.add_error(None, error.message)
        # Saved again, it follows the version that is told of now.
        membership.project.refresh_from_db(fields=["guidelines_version"])
        form.data = {**request.POST.dict(), "follows": str(membership.project.guidelines_version or 0)}
        return show(request, membership, form=form, status=409 if isinstance(error, Conflict) else 422)
    messages.success(request, gettext("Version %(number)d is in force.") % {"number": written.version})
    return redirect("guidelines", slug)


def show_panel(request: SignedInRequest, membership: Membership) -> HttpResponse:
    """The panel's content."""
    current = current_guidelines(membership.project)
    context = {
        "project": membership.project,
        "current": current,
        "change": unread_change(current, membership=membership) if current else None,
    }
    return render(request, "labeling/_guidelines.html", context)


def show(
    request: SignedInRequest,
    membership: Membership,
    *,
    form: GuidelinesForm | None = None,
    is_preview: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The page, with the form as it was sent."""
    current = current_guidelines(membership.project)
    context: dict[str, Any] = {
        "project": membership.project,
        "role": membership.role,
        "current": current,
        "change": unread_change(current, membership=membership) if current else None,
        "history": guidelines_history(membership.project),
    }
    if membership.role in MANAGERS:
        text = current.text if current else ""
        context["form"] = form or GuidelinesForm(
            initial={"text": text, "follows": membership.project.guidelines_version or 0}
        )
        if form is not None and is_preview:
            new = form.cleaned_data["text"]
            context["preview"] = {"text": new, "passages": passages(text, new), "is_new": new != text}
    return render(request, "labeling/guidelines.html", context, status=status)
