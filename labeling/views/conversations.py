"""The steps of a conversation on the judging page."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Invalid
from labeling.http import SignedInRequest, signed_in, wants_json
from labeling.models import State
from labeling.selectors.queue import sheet as read_sheet
from labeling.services import conversations
from labeling.views.judge import own_work, show_next


@require_safe
@never_cache
@signed_in
def state(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """Where a conversation stands, in a word that changes when the page has something else to show."""
    membership, assignment = own_work(request, slug, assignment_id)
    found = read_sheet(assignment, membership=membership).conversation
    if found is None:
        raise Invalid(gettext("assignment {assignment_id} is no conversation").format(assignment_id=assignment_id))
    return JsonResponse({"state": found.state if assignment.state == State.ACTIVE else assignment.state})


@require_POST
@signed_in
def ask_again(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """Ask once more for what has not come."""
    membership, assignment = own_work(request, slug, assignment_id)
    number = request.POST.get("turn", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 4):
        raise Invalid(gettext("the turn is {number!r}: name it by its number").format(number=number[:20]))
    conversations.ask_again(assignment_id=assignment.pk, annotator=request.user, number=int(number))
    return show_next(request, membership) if request.htmx else redirect("judge", slug)


@require_POST
@signed_in
def finish(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """End the conversation and bring the next item."""
    membership, assignment = own_work(request, slug, assignment_id)
    conversations.finish(assignment_id=assignment.pk, annotator=request.user)
    if wants_json(request):
        return JsonResponse({"finished": assignment.pk})
    return show_next(request, membership) if request.htmx else redirect("judge", slug)
