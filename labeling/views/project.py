"""A project at a glance: guidelines and own work for annotators, the loop for admins."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from labeling.errors import Conflict, Invalid
from labeling.forms.data import ExportForm
from labeling.forms.projects import NewProjectForm
from labeling.http import SignedInRequest, signed_in
from labeling.selectors.access import RESEARCHERS, membership_in
from labeling.selectors.guidelines import current_guidelines
from labeling.selectors.progress import progress_of
from labeling.selectors.queue import queue_counts
from labeling.services.limits import left_today
from labeling.services.projects import create_project


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new(request: SignedInRequest) -> HttpResponse:
    """Make a project and be its admin."""
    form = NewProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            project = create_project(creator=request.user, **form.cleaned_data)
        except (Invalid, Conflict) as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, gettext("The project is made. Bring prompts next, then people."))
            return redirect("project", project.slug)
    return render(request, "labeling/new_project.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
@signed_in
def project(request: SignedInRequest, slug: str) -> HttpResponse:
    """The overview of a project."""
    membership = membership_in(slug, user=request.user)
    project = membership.project
    context = {
        "project": project,
        "role": membership.role,
        "progress": progress_of(membership),
        "guidelines": current_guidelines(project),
        "left_today": left_today(membership),
        "counts": queue_counts(project_id=project.pk, annotator=request.user),
    }
    if membership.role in RESEARCHERS:
        context["export"] = ExportForm()
    return render(request, "labeling/project.html", context)
