"""Review: items that people disagree about, or raised a harmful flag on, are decided by a reviewer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, push_url, trigger_client_event

from labeling.errors import Conflict, Invalid
from labeling.forms.reviews import ReviewSettingsForm
from labeling.http import SignedInRequest, signed_in, wants_json
from labeling.judgement_forms import JudgementForm, judgement_form
from labeling.models import Membership, Review, ReviewState
from labeling.selectors.access import MANAGERS, REVIEWERS, membership_in
from labeling.selectors.reviews import Opinion, opinions, review_of, review_sheet, reviews, reviews_for
from labeling.services.figures import refresh
from labeling.services.reviews import change_review_settings, decide, dismiss
from labeling.views.judge import show as show_item

PAGE_SIZE = 25


@require_safe
@never_cache
@signed_in
def queue(request: SignedInRequest, slug: str) -> HttpResponse:
    """The open reviews, or those that were closed."""
    return show_queue(request, membership_in(slug, user=request.user, roles=REVIEWERS))


@require_POST
@signed_in
def save(request: SignedInRequest, slug: str) -> HttpResponse:
    """Say which items are reviewed."""
    membership = membership_in(slug, user=request.user, roles=MANAGERS)
    form = ReviewSettingsForm(request.POST, instance=membership.project)
    if not form.is_valid():
        membership.project.refresh_from_db()
        return show_queue(request, membership, form=form, status=422)
    change_review_settings(project=membership.project, changed_by=request.user, **form.cleaned_data)
    messages.success(request, gettext("The settings are saved."))
    return redirect("reviews", slug)


@require_safe
@never_cache
@signed_in
def review(request: SignedInRequest, slug: str, review_id: int) -> HttpResponse:
    """An item with what everybody judged, on the judging page while it is open."""
    membership = membership_in(slug, user=request.user, roles=REVIEWERS)
    found = review_of(membership.project, review_id)
    page = show(request, membership, found, judgement_form(review_sheet(found, membership=membership)))
    return push_url(page, request.path) if request.htmx else page


@require_safe
@never_cache
@signed_in
def following(request: SignedInRequest, slug: str) -> HttpResponse:
    """The next open review."""
    return to_next(request, membership_in(slug, user=request.user, roles=REVIEWERS))


@require_POST
@signed_in
def submit(request: SignedInRequest, slug: str, review_id: int) -> HttpResponse:
    """Store the decision and go to the next one."""
    membership = membership_in(slug, user=request.user, roles=REVIEWERS)
    found = review_of(membership.project, review_id)
    form = judgement_form(review_sheet(found, membership=membership), request.POST)
    if not form.is_valid():
        if wants_json(request):
            return JsonResponse({"detail": " ".join(form.problems()), "code": "invalid"}, status=422)
        return show(request, membership, found, form, status=422)
    try:
        label = decide(
            project=membership.project,
            review_id=found.pk,
            reviewer=request.user,
            verdict=form.verdict(),
            client_id=form.cleaned_data["client_id"],
        )
    except (Conflict, Invalid) as error:
        if request.htmx or wants_json(request):
            raise  # said on the page, where the work stays
        form.add_error(None, forms.ValidationError(error.message))
        return show(request, membership, found, form, status=409)
    if wants_json(request):
        return JsonResponse({"label": label.pk})
    return to_next(request, membership, said=gettext("The decision is stored. The others stay as they are."))


@require_POST
@signed_in
def leave(request: SignedInRequest, slug: str, review_id: int) -> HttpResponse:
    """Leave the item as it was judged."""
    membership = membership_in(slug, user=request.user, roles=REVIEWERS)
    dismiss(project=membership.project, review_id=review_id, reviewer=request.user)
    return to_next(request, membership, said=gettext("The item stays as it was judged."))


def to_next(request: SignedInRequest, membership: Membership, *, said: str = "") -> HttpResponse:
    """The next open review, in place of this one for htmx, or the list when there is none."""
    slug = membership.project.slug
    next_one = reviews_for(membership.project, reviewer=request.user).first()
    if next_one is not None and request.htmx:
        found = review_of(membership.project, next_one.pk)
        page = show(request, membership, found, judgement_form(review_sheet(found, membership=membership)))
        page = push_url(page, reverse("review", args=[slug, found.pk]))
        return trigger_client_event(page, "prefloop:said", {"text": said}) if said else page
    if said:
        messages.success(request, said)
    if next_one is not None:
        return redirect("review", slug, next_one.pk)
    return HttpResponseClientRedirect(reverse("reviews", args=[slug])) if request.htmx else redirect("reviews", slug)


def show_queue(
    request: SignedInRequest, membership: Membership, *, form: ReviewSettingsForm | None = None, status: int = 200
) -> HttpResponse:
    """The list with, for admins, the settings."""
    project = membership.project
    refresh(project, chunks=1, fits=False)
    state = request.GET.get("state", ReviewState.OPEN)
    state = ReviewState(state) if state in ReviewState.values else ReviewState.OPEN
    is_open = state == ReviewState.OPEN
    rows = reviews_for(project, reviewer=request.user) if is_open else reviews(project, state=state).reverse()
    context: dict[str, Any] = {
        "project": project,
        "role": membership.role,
        "state": state.value,
        "states": ReviewState.choices,
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    if membership.role in MANAGERS:
        context["form"] = form or ReviewSettingsForm(instance=project)
    return render(request, "labeling/reviews.html", context, status=status)


def show(
    request: SignedInRequest, membership: Membership, found: Review, form: JudgementForm, *, status: int = 200
) -> HttpResponse:
    """One review: on the judging page, or as a page to read when it is closed."""
    said = opinions(found)
    context: dict[str, Any] = {
        "review": found,
        "form": form,
        "sheet": form.sheet,
        "said": {row.id: beside(row.id, said) for row in form.rows},
        "opinions": said,
    }
    if found.state != ReviewState.OPEN:
        context |= {"project": membership.project, "role": membership.role, "prompt": found.item.prompt}
        return render(request, "labeling/review.html", context, status=status)
    waiting = reviews_for(membership.project, reviewer=request.user).count()
    context |= {"submit_url": reverse("review-submit", args=[membership.project.slug, found.pk]), "waiting": waiting}
    context["progress"] = form.sheet.progress
    return show_item(request, membership, context, status=status)


def beside(completion: int, said: list[Opinion]) -> list[dict[str, Any]]:
    """What each person said of one completion."""
    return [
        {
            **opinion.said.get(completion, {}),
            "who": opinion.annotator,
            "source": opinion.source,
            "is_best": opinion.best == completion,
        }
        for opinion in said
    ]
