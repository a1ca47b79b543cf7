"""Back to what one judged: the last items, and each of them open to be revised."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import push_url, trigger_client_event

from labeling.errors import Invalid
from labeling.http import SignedInRequest, signed_in, wants_json
from labeling.judgement_forms import JudgementForm, judgement_form
from labeling.models import Kind, Membership, State
from labeling.selectors.access import membership_in
from labeling.selectors.queue import recent_assignments
from labeling.selectors.revisions import Revision, judged_before, revisable_turns, revision_of, with_revisions
from labeling.services.assignments import JUDGING_ROLES, own_assignment
from labeling.services.revisions import revise_label, save_revision_draft
from labeling.views.judge import own_work, read_draft, show, show_next

NUM_LAST = 9  # each can be opened by one digit
ADDRESSES = {"judgement": ("revise", "revise-draft"), "turn": ("revise-turn", "revise-turn-draft")}


@require_safe
@never_cache
@signed_in
def last(request: SignedInRequest, slug: str) -> HttpResponse:
    """The items that the person judged last, as a part of a page."""
    membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)
    judged = recent_assignments(project_id=membership.project_id, annotator=request.user, state=State.SUBMITTED)
    context = {"project": membership.project, "judged": with_revisions(judged)[:NUM_LAST]}
    return render(request, "labeling/_last.html", context)


@require_safe
@never_cache
@signed_in
def back(request: SignedInRequest, slug: str) -> HttpResponse:
    """The item judged before the one named, or the last one judged."""
    membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)
    before, turn = number_or_none(request.GET.get("before", "")), number_or_none(request.GET.get("turn", ""))
    if before and turn:
        talk = own_assignment(assignment_id=before, annotator=request.user)
        if earlier := [number for number in revisable_turns(talk) if number < turn]:
            return redirect("judged-turn", slug, talk.pk, earlier[-1])
    assignment = judged_before(project_id=membership.project_id, annotator=request.user, before=before)
    if assignment is not None:
        return redirect("judged", slug, assignment.pk)
    nothing = gettext("There is nothing that you judged before this.")
    if request.htmx:
        return trigger_client_event(HttpResponse(status=204), "prefloop:said", {"text": nothing})
    messages.info(request, nothing)
    return redirect("judge", slug)


@require_safe
@never_cache
@signed_in
def judged(request: SignedInRequest, slug: str, assignment_id: int, number: int | None = None) -> HttpResponse:
    """A judgement on the page of its kind, filled in as it stands, or as far as it was changed.

    Of a conversation that of a turn: of the last one, where none is named.
    """
    membership, assignment = own_work(request, slug, assignment_id)
    if assignment.item.kind == Kind.CONVERSATION and number is None and (turns := revisable_turns(assignment)):
        return redirect("judged-turn", slug, assignment_id, turns[-1])
    revision = revision_of(assignment, membership=membership, turn=number)
    page = show_revision(request, membership, revision, judgement_form(revision.sheet))
    return push_url(page, request.path) if request.htmx else page


@require_POST
@signed_in
def revise(request: SignedInRequest, slug: str, assignment_id: int, number: int | None = None) -> HttpResponse:
    """Put a new judgement in the place of the old one and go on to where the person came from."""
    membership, assignment = own_work(request, slug, assignment_id)
    revision = revision_of(assignment, membership=membership, turn=number)
    form = judgement_form(revision.sheet, request.POST)
    if not form.is_valid():
        if wants_json(request):
            return JsonResponse({"detail": " ".join(form.problems()), "code": "invalid"}, status=422)
        return show_revision(request, membership, revision, form, status=422)
    submitted = revise_label(
        assignment_id=assignment.pk,
        annotator=request.user,
        verdict=form.verdict(),
        client_id=form.cleaned_data["client_id"],
        revises=seen_label(request.POST.get("revises", "")),
        turn=number,
    )
    if wants_json(request):
        return JsonResponse({"label": submitted.label.pk, "created": submitted.created})
    said = gettext("Your judgement was revised.") if submitted.created else gettext("Your judgement stands as it was.")
    if request.htmx:
        page = push_url(show_next(request, membership), reverse("judge", args=[slug]))
        return trigger_client_event(page, "prefloop:said", {"text": said})
    messages.success(request, said)
    return redirect("judge", slug)


@require_POST
@signed_in
def keep_revision(request: SignedInRequest, slug: str, assignment_id: int, number: int | None = None) -> HttpResponse:
    """Keep unfinished changes; the judgement stands."""
    _, assignment = own_work(request, slug, assignment_id)
    draft = read_draft(request)
    revises = seen_label(str(draft.pop("revises", "")) if isinstance(draft, dict) else "")
    save_revision_draft(assignment_id=assignment.pk, annotator=request.user, revises=revises, draft=draft, turn=number)
    return JsonResponse({"saved": True})


def number_or_none(value: str) -> int | None:
    """A number of an address, None where there is none."""
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None


def seen_label(value: str) -> int:
    """The label that was on the page.

    Raises:
        Invalid: not an id.
    """
    if not (value.isascii() and value.isdecimal() and len(value) < 19):
        raise Invalid(gettext("revises is {value!r}: name the label that was shown").format(value=value[:40]))
    return int(value)


def show_revision(
    request: SignedInRequest, membership: Membership, revision: Revision, form: JudgementForm, *, status: int = 200
) -> HttpResponse:
    """The judging page around a judgement of the person's own."""
    place = [membership.project.slug, revision.sheet.assignment, *([revision.turn] if revision.turn else [])]
    kind = "turn" if revision.turn else "judgement"
    context: dict[str, Any] = {
        "form": form,
        "sheet": revision.sheet,
        "progress": revision.sheet.progress,
        "revision": revision,
        "decided": json.dumps(revision.decided),
        "submit_url": reverse(ADDRESSES[kind][0], args=place),
        "draft_url": reverse(ADDRESSES[kind][1], args=place),
    }
    return show(request, membership, context, status=status)
