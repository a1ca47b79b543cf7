"""Who changed what in a project, for its admins."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from labeling.forms.people import AuditForm
from labeling.http import SignedInRequest, signed_in
from labeling.selectors.access import MANAGERS, membership_in
from labeling.selectors.audit import Wanted, changes, entries, page_of, said


@require_safe
@never_cache
@signed_in
def audit(request: SignedInRequest, slug: str) -> HttpResponse:
    """The log, the newest first, by person, action and days."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = AuditForm(request.GET, project=membership.project)
    context = {"project": membership.project, "role": membership.role, "form": form}
    if not form.is_valid():
        return render(request, "labeling/audit.html", context, status=422)
    before = form.cleaned_data.pop("before")
    page = page_of(entries(membership.project, Wanted(**form.cleaned_data)), before=before)
    context["entries"] = [(entry, said(entry), changes(entry)) for entry in page.entries]
    filters = {name: value for name, value in form.cleaned_data.items() if value}
    context["is_filtered"] = bool(filters)
    if page.before is not None:
        context["older"] = urlencode({**filters, "before": page.before})
    if before is not None:
        context["newest"] = urlencode(filters)
    return render(request, "labeling/audit.html", context)
