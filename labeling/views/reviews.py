"""Review: items that people disagree about, or raised a harmful flag on, are decided by a reviewer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labeling.errors import Conflict, Invalid
from labeling.forms_reviews import ReviewSettingsForm
from labeling.http import SignedInRequest, signed_in
from labeling.judgement_forms import RATINGS, JudgementForm, judgement_form
from labeling.models import Membership, Review, ReviewState
from labeling.selectors.access import MANAGERS, REVIEWERS, membership_in
from labeling.selectors.reviews import Opinion, opinions, review_of, review_sheet, reviews, reviews_for
from labeling.services.figures import refresh
from labeling.services.reviews import change_review_settings, decide, dismiss

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
    """One item with what everybody judged, and the form of the decision."""
    membership = membership_in(slug, user=request.user, roles=REVIEWERS)
    found = review_of(membership.project, review_id)
    return show(request, membership, found, judgement_form(review_sheet(found, membership=membership)))


@require_POST
@signed_in
def submit(request: SignedInRequest, slug: str, review_id: int) -> HttpResponse:
    """Store the decision and go to the next one."""
    membership = membership_in(slug, user=request.user, roles=REVIEWERS)
    found = review_of(membership.project, review_id)
    form = judgement_form(review_sheet(found, membership=membership), request.POST)
    if not form.is_valid():
        return show(request, membership, found, form, status=422)
    client_id = form.cleaned_data["client_id"]
    try:
        decide(
            project=membership.project,
            review_id=found.pk,
            reviewer=request.user,
            verdict=form.verdict(),
            client_id=client_id,
        )
    except (Conflict, Invalid) as error:
        form.add_error(None, forms.ValidationError(error.message))
        return show(request, membership, found, form, status=409)
    messages.success(request, gettext("The decision is stored. The others stay as they are."))
    return to_next(request, membership)


@require_POST
@signed_in
def leave(request: SignedInRequest, slug: str, review_id: int) -> HttpResponse:
    """Leave the item as it was judged."""
    membership = membership_in(slug, user=request.user, roles=REVIEWERS)
    dismiss(project=membership.project, review_id=review_id, reviewer=request.user)
    messages.success(request, gettext("The item stays as it was judged."))
    return to_next(request, membership)


def to_next(request: SignedInRequest, membership: Membership) -> HttpResponse:
    """The next open review, or the list when there is none."""
    following = reviews_for(membership.project, reviewer=request.user).first()
    if following is None:
        return redirect("reviews", membership.project.slug)
    return redirect("review", membership.project.slug, following.pk)


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
    """One review."""
    said = opinions(found)
    context = {
        "project": membership.project,
        "role": membership.role,
        "review": found,
        "prompt": found.item.prompt,
        "form": form,
        "rows": [{"row": row, "said": beside(row.id, said)} for row in form.rows],
        "opinions": said,
        "ratings": RATINGS,
        "questions": membership.project.questions,
    }
    return render(request, "labeling/review.html", context, status=status)


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
