"""The page of asking; for admins and researchers, and admins change it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from alignment import services
from alignment.asking.forms import AskingForm
from alignment.asking.shown import asking_of
from alignment.selectors import loop_settings
from labeling import exchange
from labeling.http import SignedInRequest, signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def asking(request: SignedInRequest, slug: str) -> HttpResponse:
    """Who writes for the queue, and by which rule is chosen what people see; a form, and a part for htmx."""
    is_sent = request.method == "POST"
    roles = exchange.MANAGERS if is_sent else exchange.RESEARCHERS
    project = exchange.project_for(slug, user=request.user, roles=roles)
    form = None
    if project.is_managed:
        form = AskingForm(request.POST if is_sent else None, instance=loop_settings(project.id))
    if is_sent and form is not None and form.is_valid():
        services.change_loop(project_id=project.id, changed_by=request.user.pk, **form.cleaned_data)
        messages.success(request, gettext("Saved: it counts from the next round on."))
        return redirect("alignment:asking", slug)
    context: dict[str, Any] = {"project": project, "role": project.role, "form": form, "asking": asking_of(project)}
    if request.htmx and request.htmx.target == "asking":
        return render(request, "alignment/_asking.html", context)
    return render(request, "alignment/asking.html", context, status=422 if is_sent else 200)
