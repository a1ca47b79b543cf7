"""A project's settings: what a change does is said before it is done. Copying, archiving and restoring it, too."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from labeling.confirming import ask, is_confirmed, said
from labeling.errors import Conflict, Invalid, Stale
from labeling.forms.projects import CloneForm, ProjectForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.effects import Effect, effects_of
from labeling.services.archive import archive_project, restore_project
from labeling.services.clone import clone_project
from labeling.services.projects import settings_tag, update_project


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in
def settings(request: SignedInRequest, slug: str) -> HttpResponse:
    """The settings; sent, what they would do, and sent once more, the change."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    project = membership.project
    seen = request.POST.get("seen", "") or settings_tag(project)
    if request.method != "POST":
        return _show(request, membership, form=ProjectForm(instance=project), seen=seen)
    form = ProjectForm(request.POST, instance=project)
    is_valid = form.is_valid()
    project.refresh_from_db()  # the form has filled it in
    if not is_valid or "back" in request.POST:
        return _show(request, membership, form=form, seen=seen, status=200 if is_valid else 422)
    effects = effects_of(project, form.cleaned_data)
    if effects and not is_confirmed(request):
        return ask(
            request,
            {"project": project, "role": membership.role},
            effects=[_shown(effect, form) for effect in effects],
            save=gettext("Save the settings"),
            back=gettext("Back to the settings"),
        )
    try:
        update_project(
            project=project,
            changed_by=request.user,
            expected=seen,
            apply_to_open_items="apply_to_open_items" in request.POST,
            **form.cleaned_data,
        )
    except (Invalid, Stale, Conflict) as error:
        form.add_error(None, error.message)
        now = settings_tag(project) if isinstance(error, Stale) else seen
        return _show(request, membership, form=form, seen=now, status=422)
    messages.success(request, gettext("The settings are saved."))
    return redirect("project-settings", slug)


@require_POST
@signed_in
def clone(request: SignedInRequest, slug: str) -> HttpResponse:
    """Make a project that begins as this one is."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = CloneForm(request.POST)
    if form.is_valid():
        try:
            made = clone_project(project=membership.project, creator=request.user, **form.cleaned_data)
        except (Invalid, Conflict) as error:
            form.add_error("slug", error.message)
        else:
            messages.success(request, gettext("The project is made. Bring prompts next, then people."))
            return redirect("project", made.slug)
    project = membership.project
    return _show(
        request,
        membership,
        form=ProjectForm(instance=project),
        seen=settings_tag(project),
        clone_form=form,
        status=422,
    )


@require_POST
@signed_in
def archive(request: SignedInRequest, slug: str) -> HttpResponse:
    """Put the project away."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    archive_project(project=membership.project, changed_by=request.user)
    messages.success(request, gettext("The project is archived."))
    return redirect("project", slug)


@require_POST
@signed_in
def restore(request: SignedInRequest, slug: str) -> HttpResponse:
    """Take it out again."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    restore_project(project=membership.project, changed_by=request.user)
    messages.success(request, gettext("The project is restored. It is still paused."))
    return redirect("project-settings", slug)


def _shown(effect: Effect, form: ProjectForm) -> dict[str, Any]:
    """An effect in the words of the form."""
    field = form.fields[effect.setting]
    was, now = [said(value, field) for value in (effect.before, effect.after)]
    return {"label": field.label, "was": was, "now": now, "text": effect.text, "choice": effect.choice}


def _show(
    request: SignedInRequest,
    membership: Membership,
    *,
    form: ProjectForm,
    seen: str,
    clone_form: CloneForm | None = None,
    status: int = 200,
) -> HttpResponse:
    project = membership.project
    beginning = {"name": gettext("{name} (copy)").format(name=project.name)[:200], "slug": f"{project.slug}-2"[:50]}
    context: dict[str, Any] = {
        "project": project,
        "role": membership.role,
        "form": form,
        "seen": seen,
        "clone_form": clone_form or CloneForm(initial=beginning),
    }
    return render(request, "labeling/settings.html", context, status=status)
