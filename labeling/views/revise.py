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
from labeling.selectors.revisions import Revision, judged_before, revision_of, with_revisions
from labeling.services.assignments import JUDGING_ROLES
from labeling.services.revisions import revise_label, save_revision_draft
from labeling.views.judge import own_work, read_draft, show, show_next

NUM_LAST = 9  # each can be opened by one digit


@require_safe
@never_cache
@signed_in
def last(request: SignedInRequest, slug: str) -> HttpResponse:
    """The items that the person judged last, as a part of a page."""
    membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)
    judged = recent_assignments(project_id=membership.project_id, annotator=request.user, state=State.SUBMITTED)
    judged = judged.exclude(item__kind=Kind.CONVERSATION)  # its turns go on from each other
    context = {"project": membership.project, "judged": with_revisions(judged)[:NUM_LAST]}
    return render(request, "labeling/_last.html", context)


@require_safe
@never_cache
@signed_in
def back(request: SignedInRequest, slug: str) -> HttpResponse:
    """The item judged before the one named, or the last one judged."""
    membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)
    before = request.GET.get("before", "")
    assignment = judged_before(
        project_id=membership.project_id,
        annotator=request.user,
        before=int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else None,
    )
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
def judged(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """A judgement on the page of its kind, filled in as it stands, or as far as it was changed."""
    membership, assignment = own_work(request, slug, assignment_id)
    revision = revision_of(assignment, membership=membership)
    page = show_revision(request, membership, revision, judgement_form(revision.sheet))
    return push_url(page, reverse("judged", args=[slug, assignment_id])) if request.htmx else page


@require_POST
@signed_in
def revise(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """Put a new judgement in the place of the old one and go on to where the person came from."""
    membership, assignment = own_work(request, slug, assignment_id)
    revision = revision_of(assignment, membership=membership)
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
def keep_revision(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """Keep unfinished changes; the judgement stands."""
    _, assignment = own_work(request, slug, assignment_id)
    draft = read_draft(request)
    revises = seen_label(str(draft.pop("revises", "")) if isinstance(draft, dict) else "")
    save_revision_draft(assignment_id=assignment.pk, annotator=request.user, revises=revises, draft=draft)
    return JsonResponse({"saved": True})


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
    context: dict[str, Any] = {
        "form": form,
        "sheet": revision.sheet,
        "progress": revision.sheet.progress,
        "revision": revision,
        "decided": json.dumps(revision.decided),
    }
    return show(request, membership, context, status=status)
