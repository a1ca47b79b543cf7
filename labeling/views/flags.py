"""A project's list of flags, for its admins."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.confirming import ask, is_confirmed
from labeling.errors import Invalid, Stale
from labeling.forms.flags import FlagsForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership, Project
from labeling.models.flags import own_questions
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.effects import effects_of
from labeling.services.projects import check_flags, settings_tag, update_project


@require_safe
@never_cache
@signed_in
def flags(request: SignedInRequest, slug: str) -> HttpResponse:
    """Which flags there are, which are asked about, and in which order."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    return show(request, membership, FlagsForm(project=membership.project))


@require_POST
@never_cache
@signed_in
def save(request: SignedInRequest, slug: str) -> HttpResponse:
    """Store the list, once it was said what that does; a button beside a flag moves it, too."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    project = membership.project
    form = FlagsForm(request.POST, project=project)
    move = request.POST.get("move", "")
    if not form.is_valid() or "back" in request.POST:
        return show(request, membership, form, status=422 if form.errors else 200)
    changes = form.as_settings(move=move)
    try:
        effects = _effects(project, changes)
        if effects and not is_confirmed(request):
            context = {"project": project, "role": membership.role}
            save_, back = gettext("Save the flags"), gettext("Back to the flags")
            return ask(request, context, effects=effects, save=save_, back=back)
        seen = request.POST.get("seen") or None
        update_project(project=project, changed_by=request.user, expected=seen, **changes)
    except (Invalid, Stale) as error:
        form.add_error(None, error.message)
        project.refresh_from_db()  # what they see now, they may save
        return show(request, membership, form, status=422)
    if not move:
        messages.success(request, gettext("The flags are saved."))
        return redirect("flags", slug)
    return redirect(f"{reverse('flags', args=[slug])}?{urlencode({'moved': move})}")


def _effects(project: Project, changes: dict[str, Any]) -> list[dict[str, Any]]:
    """What the new list does, in words; nothing where the same flags are asked about in another order.

    Raises:
        Invalid: flags that can't be.
    """
    check_flags(project, changes)
    if set(changes["flags"]) == set(project.flags):
        changes = {**changes, "flags": project.flags}
    known = project.all_questions | own_questions(changes["own_flags"])
    told = []
    for effect in effects_of(project, changes):
        listed = effect.setting == "flags"
        taken = [str(known[code].label) for code in project.flags if listed and code not in effect.after]
        added = [str(known[code].label) for code in effect.after if code not in project.flags] if listed else []
        named = [gettext("taken off: {names}").format(names="; ".join(taken))] if taken else []
        named += [gettext("new: {names}").format(names="; ".join(added))] if added else []
        label = " · ".join(named) if listed else gettext("Flags of your own")
        told.append({"label": label[:1].upper() + label[1:], "text": effect.text})
    return told


def show(request: SignedInRequest, membership: Membership, form: FlagsForm, *, status: int = 200) -> HttpResponse:
    """The list as it was sent, or as it is stored."""
    context = {
        "project": membership.project,
        "role": membership.role,
        "form": form,
        "moved": request.GET.get("moved", ""),
        "seen": settings_tag(membership.project),
    }
    return render(request, "labeling/flags.html", context, status=status)
