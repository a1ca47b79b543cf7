"""Reads of the reviewers' queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext

from labeling.errors import NotFound
from labeling.models import Assignment, Label, Membership, Project, Review, ReviewState, Source, State, User
from labeling.selectors.labels import pseudonym
from labeling.selectors.progress import Progress
from labeling.selectors.queue import Sheet, ShownCompletion


def reviews(project: Project, *, state: str = ReviewState.OPEN) -> QuerySet[Review]:
    """The reviews of a project in one state, the oldest first."""
    rows = Review.objects.select_related("item__prompt", "reviewer").filter(project=project, state=state)
    return rows.order_by("id")


def reviews_for(project: Project, *, reviewer: User) -> QuerySet[Review]:
    """The open reviews that somebody may decide: of items that they did not judge and do not have at hand.

    Those of topics that they opted out of are left to others.
    """
    own = Assignment.objects.filter(item=OuterRef("item"), annotator=reviewer).exclude(state=State.SKIPPED)
    return reviews(project).exclude(Exists(own)).exclude(item__prompt__topics__overlap=reviewer.opted_out)


def review_of(project: Project, review_id: int) -> Review:
    """One review.

    Raises:
        NotFound: there is none with this id in the project.
    """
    found = Review.objects.select_related("item__prompt", "label").filter(project=project, pk=review_id).first()
    if found is None:
        raise NotFound(gettext("there is no review {review_id} in this project").format(review_id=review_id))
    return found


def review_sheet(review: Review, *, membership: Membership) -> Sheet:
    """The item of a review with everything that deciding it needs, its completions in their own order; one query."""
    entries = review.item.entries.select_related("completion").order_by("position")
    return Sheet(
        assignment=0,
        kind=review.item.kind,
        prompt=review.item.prompt.messages,
        completions=[ShownCompletion(id=entry.completion_id, text=entry.completion.text) for entry in entries],
        lease_expires=review.created,
        draft={},
        flags=membership.project.flags,
        progress=Progress(done=0, total=0, mine=0, seconds=membership.seconds_worked),
    )


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person judged of an item: by completion the rank, rating and flags; the pick; and notes."""

    annotator: str
    source: str
    said: dict[int, dict[str, Any]]
    best: int | None
    strength: int | None
    notes: str


def opinions(review: Review) -> list[Opinion]:
    """The judgements of an item that stand, decisions last; three queries, names as in exports."""
    labels = (
        Label.objects.filter(item=review.item_id, superseded_by__isnull=True)
        .prefetch_related("ranks", "ratings")
        .order_by("id")
    )
    found = [_opinion(label, review) for label in labels]
    return sorted(found, key=lambda opinion: opinion.source == Source.REVIEW)


def _opinion(label: Label, review: Review) -> Opinion:
    said: dict[int, dict[str, Any]] = {}
    for rank in label.ranks.all():
        said.setdefault(rank.completion_id, {})["rank"] = rank.rank
    for rating in label.ratings.all():
        said.setdefault(rating.completion_id, {}).update(rating=rating.value, flags=rating.flags)
    return Opinion(
        annotator=pseudonym(review.project_id, label.annotator_id),
        source=label.source,
        said=said,
        best=label.best_id,
        strength=label.strength,
        notes=label.notes,
    )
