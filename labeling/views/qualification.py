"""A new annotator's own qualification."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.http import SignedInRequest, signed_in
from labeling.selectors.access import membership_in
from labeling.selectors.known import feedback, standing_of
from labeling.services.assignments import JUDGING_ROLES
from labeling.services.qualification import try_again


@require_safe
@never_cache
@signed_in
def qualification(request: SignedInRequest, slug: str) -> HttpResponse:
    """One's tries and, where the project gives it, feedback on the last one."""
    membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)
    standing = standing_of(membership)
    context = {
        "project": membership.project,
        "role": membership.role,
        "standing": standing,
        "feedback": feedback(standing.last)
        if standing.last is not None and membership.project.qualification_feedback
        else [],
    }
    return render(request, "labeling/qualification.html", context)


@require_POST
@signed_in
def again(request: SignedInRequest, slug: str) -> HttpResponse:
    """Begin another try."""
    membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)
    try_again(project=membership.project, annotator=request.user)
    return redirect("judge", slug)
