"""The page of the gate: visible to admins and researchers, decided on by admins."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from alignment import promotion
from alignment.gating import by_hand, showing
from alignment.gating.forms import GateForm, VetoForm
from alignment.gating.settings import change_gate, gate_settings
from labeling import exchange
from labeling.http import SignedInRequest, signed_in

PER_PAGE = 25


@require_safe
@signed_in
def gate(request: SignedInRequest, slug: str) -> HttpResponse:
    """What is at the gate, what guards it, and what was decided; a fragment of it for htmx."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.RESEARCHERS)
    form = GateForm(instance=gate_settings(project.id)) if project.is_managed else None
    return _show(request, project, form)


def _show(
    request: SignedInRequest, project: exchange.ProjectRecord, form: GateForm | None, *, status: int = 200
) -> HttpResponse:
    found = showing.gate(project.id)
    page = Paginator(showing.history(project.id), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "project": project,
        "role": project.role,
        "gate": found,
        "page": page,
        "history": showing.shown_history(page, found.settings),
        "form": form,
    }
    template = "alignment/_gate.html" if request.htmx and request.htmx.target == "gate" else "alignment/gate.html"
    return render(request, template, context, status=status)


@require_POST
@signed_in
def change(request: SignedInRequest, slug: str) -> HttpResponse:
    """Change what a candidate must show."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    form = GateForm(request.POST, instance=gate_settings(project.id))
    if not form.is_valid():
        return _show(request, project, form, status=422)
    change_gate(project_id=project.id, changed_by=request.user.pk, **form.cleaned_data)
    messages.success(request, gettext("The settings of the gate are saved."))
    return redirect("alignment:gate", slug)


@require_POST
@signed_in
def promote(request: SignedInRequest, slug: str, promotion_id: int) -> HttpResponse:
    """Let the candidate serve, whatever the test and the guards say by now."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    found = by_hand.promotion_in(project.id, promotion_id)
    promotion.promote(policy_id=found.candidate_id, changed_by=request.user.pk)
    messages.success(request, gettext("Version %(version)d serves now.") % {"version": found.candidate.version})
    return redirect("alignment:gate", slug)


@require_POST
@signed_in
def veto(request: SignedInRequest, slug: str, promotion_id: int) -> HttpResponse:
    """Refuse the candidate, with a reason."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    form = VetoForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    found = by_hand.veto(project_id=project.id, promotion_id=promotion_id, reason=reason, by=request.user.pk)
    messages.success(request, gettext("Version %(version)d is refused.") % {"version": found.candidate.version})
    return redirect("alignment:gate", slug)


@require_POST
@signed_in
def roll_back(request: SignedInRequest, slug: str, version: int) -> HttpResponse:
    """Put the version before this one back into service."""
    project = exchange.project_for(slug, user=request.user, roles=exchange.MANAGERS)
    policy = by_hand.roll_back(project_id=project.id, version=version, by=request.user.pk)
    messages.success(request, gettext("Version %(version)d serves now.") % {"version": policy.version})
    return redirect("alignment:gate", slug)
