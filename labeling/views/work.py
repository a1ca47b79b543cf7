"""An annotator's own work: drafts, submitted, skipped."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeling.http import SignedInRequest, signed_in
from labeling.models import State
from labeling.selectors.access import membership_in
from labeling.selectors.queue import queue_counts, recent_assignments
from labeling.selectors.revisions import with_revisions
from labeling.services.assignments import JUDGING_ROLES

PAGE_SIZE = 50


@require_safe
@signed_in
def queue(request: SignedInRequest, slug: str) -> HttpResponse:
    """My work in one state, the latest first."""
    membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)
    state = request.GET.get("state", State.ACTIVE)
    state = State(state) if state in State.values else State.ACTIVE
    mine = recent_assignments(project_id=membership.project_id, annotator=request.user, state=state)
    context = {
        "project": membership.project,
        "role": membership.role,
        "counts": queue_counts(project_id=membership.project_id, annotator=request.user),
        "state": state.value,
        "page": Paginator(with_revisions(mine), PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "labeling/queue.html", context)
