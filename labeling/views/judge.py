"""Judging: one request submits and brings the next item."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Invalid, NotFound
from labeling.http import SignedInRequest, signed_in, wants_json
from labeling.judgement_forms import RATINGS, JudgementForm, judgement_form
from labeling.judgement_forms.conversations import step_form
from labeling.models import Assignment, Kind, Membership, Purpose, SkipReason, Topic
from labeling.selectors.access import membership_in
from labeling.selectors.known import standing_of, told_at_once
from labeling.selectors.progress import progress_of
from labeling.selectors.queue import Shown, outline
from labeling.selectors.queue import sheet as read_sheet
from labeling.services.active_time import IDLE_SECONDS
from labeling.services.assignments import (
    JUDGING_ROLES,
    check_active,
    heartbeat,
    own_assignment,
    save_draft,
    serve_next,
    skip,
)
from labeling.services.conversations import is_done
from labeling.services.labels import submit_and_claim, submit_label
from labeling.services.limits import left_today
from labeling.services.queue import Served, find_work
from labeling.views.moulds import can_be_cast, cast_item
from labeling.views.steps import take_step


@require_safe
@never_cache
@signed_in
def judge(request: SignedInRequest, slug: str) -> HttpResponse:
    """The next item, or that there is none."""
    membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)
    return show_next(request, membership)


@require_POST
@signed_in
def submit(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """Record the judgement and bring the next item."""
    membership, assignment = own_work(request, slug, assignment_id)
    if assignment.item.kind == Kind.CONVERSATION:
        return submit_step(request, membership, assignment)
    form = judgement_form(outline(assignment, membership=membership), request.POST)
    if not form.is_valid():
        form = judgement_form(read_sheet(assignment, membership=membership), request.POST)
        return show_again(request, membership, form)
    decided: dict[str, Any] = {
        "assignment_id": assignment.pk,
        "annotator": request.user,
        "verdict": form.verdict(),
        "client_id": form.cleaned_data["client_id"],
    }
    if request.htmx and not wants_json(request):
        _, served = submit_and_claim(**decided)
        if served is None and (told := tell(request, membership, assignment)):
            return told
        return show_next(request, membership) if served is None else show_served(request, membership, served)
    submitted = submit_label(**decided)
    if not wants_json(request) and (told := tell(request, membership, assignment)):
        return told
    return show_done(request, membership, label=submitted.label.pk, created=submitted.created)


def tell(request: SignedInRequest, membership: Membership, assignment: Assignment) -> HttpResponse | None:
    """What was expected of an item of the qualification that was judged just now, where the project tells at once."""
    if assignment.item.purpose != Purpose.KNOWN or not membership.project.tells_at_once:
        return None
    feedback = told_at_once(assignment)
    if feedback is None:
        return None
    context = {**shared_context(membership), "told": feedback}
    return show(request, membership, {"item": render_to_string("labeling/_told.html", context, request)})


def submit_step(request: SignedInRequest, membership: Membership, assignment: Assignment) -> HttpResponse:
    """Do a step of a conversation and bring the next one; or nothing, when it was done and this is sent once more."""
    sent = request.POST.get("client_id", "")
    if is_done(assignment_id=assignment.pk, annotator=request.user, client_id=sent):
        return show_done(request, membership, created=False)
    check_active(assignment)
    form = step_form(request.POST, sheet=read_sheet(assignment, membership=membership))
    if not form.is_valid():
        return show_again(request, membership, form)
    return show_done(request, membership, turn=take_step(form, annotator=request.user), created=True)


@require_POST
@signed_in
def skip_item(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """Give the item back for others and bring the next one."""
    membership, assignment = own_work(request, slug, assignment_id)
    skip(assignment_id=assignment.pk, annotator=request.user, reason=request.POST.get("reason", ""))
    return show_done(request, membership, skipped=assignment.pk)


@require_POST
@signed_in
def keep_draft(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """Keep unfinished work."""
    _, assignment = own_work(request, slug, assignment_id)
    save_draft(assignment_id=assignment.pk, annotator=request.user, draft=read_draft(request))
    return JsonResponse({"saved": True})


@require_POST
@signed_in
def renew(request: SignedInRequest, slug: str, assignment_id: int) -> HttpResponse:
    """Renew the lease while the page is in use."""
    _, assignment = own_work(request, slug, assignment_id)
    assignment = heartbeat(assignment_id=assignment.pk, annotator=request.user)
    return JsonResponse({"lease_expires": assignment.lease_expires.isoformat()})


def read_draft(request: SignedInRequest) -> Any:
    """What the page sends to be kept; the services check its shape.

    Raises:
        Invalid: it is no JSON.
    """
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Invalid(gettext("the draft is no JSON: {error}").format(error=error)) from None


def own_work(request: SignedInRequest, slug: str, assignment_id: int) -> tuple[Membership, Assignment]:
    """The person's place and their assignment in this project.

    Raises:
        NotFound, NotAllowed: not a member, not theirs, or of another project.
    """
    work = find_work(assignment_id=assignment_id, annotator=request.user)
    if work is not None and work.membership.project.slug == slug and work.membership.role in JUDGING_ROLES:
        return work.membership, work.assignment
    membership = membership_in(slug, user=request.user, roles=JUDGING_ROLES)  # or what is wrong
    assignment = own_assignment(assignment_id=assignment_id, annotator=request.user)
    if assignment.item.project_id != membership.project_id:
        raise NotFound(
            gettext("you have no assignment {assignment_id} in {slug}").format(assignment_id=assignment_id, slug=slug)
        )
    return membership, assignment


def show_next(request: SignedInRequest, membership: Membership) -> HttpResponse:
    """The next item as a page, or alone for htmx."""
    served = serve_next(project=membership.project, annotator=request.user)
    if served is None:
        membership.refresh_from_db(fields=["day", "num_today"])  # a judgement may have come since it was read
        context: dict[str, Any] = {"progress": progress_of(membership), "is_day_full": left_today(membership) == 0}
        context["is_routed_away"] = membership.is_routed_away
        if membership.project.qualification_items:
            context["standing"] = standing_of(membership)
        return show(request, membership, context)
    return show_served(request, membership, served)


def show_served(request: SignedInRequest, membership: Membership, served: Served) -> HttpResponse:
    """An item that was just claimed, as a page or alone for htmx."""
    return show(request, membership, item_context(request, membership, served.assignment, shown=served.shown))


def item_html(
    request: SignedInRequest, membership: Membership, assignment: Assignment, *, shown: Shown | None = None
) -> str:
    """The item alone, as a script takes it."""
    context = item_context(request, membership, assignment, shown=shown)
    if "item" in context:
        return str(context["item"])
    return render_to_string("labeling/_item.html", {**shared_context(membership), **context}, request)


def item_context(
    request: SignedInRequest, membership: Membership, assignment: Assignment, *, shown: Shown | None = None
) -> dict[str, Any]:
    """What the page of an item to be judged shows: the item itself where it is cast, else what it is rendered from."""
    sheet = read_sheet(assignment, membership=membership, shown=shown)
    is_warned = bool(sheet.topics) and not sheet.draft and request.GET.get("show") != str(sheet.assignment)
    if can_be_cast(sheet) and not is_warned:
        return {"item": cast_item(request, sheet, membership=membership)}
    context: dict[str, Any] = {"form": judgement_form(sheet), "sheet": sheet, "progress": sheet.progress}
    if is_warned:
        context["topic_names"] = [Topic(topic).label for topic in sheet.topics]
    return context


def show_again(request: SignedInRequest, membership: Membership, form: JudgementForm) -> HttpResponse:
    """The same item with what is wrong with it, the work kept."""
    if wants_json(request):
        return JsonResponse({"detail": " ".join(form.problems()), "code": "invalid"}, status=422)
    context = {"form": form, "sheet": form.sheet, "progress": form.sheet.progress}
    return show(request, membership, context, status=422)


def show_done(request: SignedInRequest, membership: Membership, **result: Any) -> HttpResponse:
    """What comes after a submit or a skip: the next item for a page, the result for a script."""
    if wants_json(request):
        return JsonResponse(result)
    if request.htmx:
        return show_next(request, membership)
    return redirect("judge", membership.project.slug)


def show(
    request: SignedInRequest, membership: Membership, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The judging page around an item, or the item alone for htmx."""
    if request.htmx and "item" in context:
        return HttpResponse(context["item"])
    template = "labeling/_item.html" if request.htmx else "labeling/judge.html"
    return render(request, template, {**shared_context(membership), **context}, status=status)


def shared_context(membership: Membership) -> dict[str, Any]:
    """What the page of any item shows of the project and of the person in it."""
    return {
        "project": membership.project,
        "role": membership.role,
        "guidelines_read": membership.guidelines_read,
        "ratings": RATINGS,
        "skip_reasons": SkipReason.choices,
        "idle_seconds": IDLE_SECONDS,
        "questions": membership.project.questions,
    }
