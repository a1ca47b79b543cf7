"""The item after the one that somebody works on: sent before it is wanted, and given back when it is not."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_POST

from labeling.http import SignedInRequest, signed_in
from labeling.models import Membership
from labeling.selectors.progress import progress_of
from labeling.services.ahead import AHEAD_MINUTES, claim_ahead, give_back
from labeling.views.judge import item_html, own_work


@require_POST
@signed_in
def ahead(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """Hold the item worked on and bring the one after it, unless the page has it."""
    membership, _ = own_work(request, slug, assignment_id)
    return JsonResponse(what_is_ahead(request, membership, current=assignment_id, has=request.POST.get("has", "")))


@require_POST
@signed_in
def leave(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """Give back what was held ahead; somebody who left before this arrived loses nothing."""
    _, assignment = own_work(request, slug, assignment_id)
    return JsonResponse({"given_back": give_back(assignment_id=assignment.pk, annotator=request.user)})


def what_is_ahead(
    request: SignedInRequest, membership: Membership, *, current: int, has: str = ""
) -> dict[str, object]:
    """Whether the current item is held; the one ahead: its id, its page, how long it is held, where to give it back."""
    claimed = claim_ahead(project=membership.project, annotator=request.user, current=current)
    found: dict[str, object] = {"is_held": claimed.is_held}
    if claimed.assignment is not None:
        leave_url = reverse("leave", args=[membership.project.slug, claimed.assignment.pk])
        found |= {"assignment": str(claimed.assignment.pk), "leave": leave_url, "seconds": AHEAD_MINUTES * 60}
        if found["assignment"] != has:
            found["html"] = item_html(request, membership, claimed.assignment, shown=claimed.shown)
    if "html" not in found:  # nobody is told otherwise that what was handed over has arrived
        far = {"project": membership.project, "progress": progress_of(membership)}
        found["far"] = render_to_string("labeling/_far.html", far, request)
    return found
