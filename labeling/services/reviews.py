"""Reviewers' decisions on items that people disagree about or raised harmful flags on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Conflict, Invalid, NotFound
from labeling.models import (
    NEVER_LEASED,
    Assignment,
    Label,
    Membership,
    Project,
    Review,
    ReviewState,
    Source,
    State,
    User,
)
from labeling.services.audit import record
from labeling.services.labels import store_verdicts, unsaved_label
from labeling.services.projects import update_project
from labeling.services.topics import raise_topics
from labeling.services.verdicts import Verdict, check_verdict

SETTINGS = ("review_below", "reviews_harmful")


def change_review_settings(*, project: Project, changed_by: User | None, **settings: Any) -> Project:
    """Say which items are reviewed, of the judgements that come from now on.

    Raises:
        Invalid: a value outside its range.
    """
    if unknown := [name for name in settings if name not in SETTINGS]:
        raise Invalid(gettext("there is no setting {name!r} of reviews").format(name=unknown[0]))
    return update_project(project=project, changed_by=changed_by, **settings)


def open_reviews(project: Project, *, after: int, last: int) -> int:
    """Open reviews of items that were judged by labels with these ids; how many. Part of counting them.

    An item is reviewed once: one that was decided or dismissed is not opened again.
    """
    if not project.review_below and not project.reviews_harmful:
        return 0
    harmful = [code for code, question in project.all_questions.items() if question.is_harmful]
    parameters: dict[str, Any] = {
        "project": project.pk,
        "after": after,
        "last": last,
        "below": project.review_below / 100,
        "harmful": harmful if project.reviews_harmful else [],
    }
    with connection.cursor() as cursor:
        cursor.execute(OPEN, parameters)
        return int(cursor.rowcount)


# Of each item that was judged just now: whether a harmful flag stands on it, and of the comparisons that two people
# made the share on which they agree, counted over all labels that stand. OFFSET 0: as in services.figures.
OPEN = """
WITH touched AS MATERIALIZED (
    SELECT DISTINCT label.item_id FROM labeling_label label JOIN labeling_item item ON item.id = label.item_id
    WHERE label.project_id = %(project)s AND label.id > %(after)s AND label.id <= %(last)s
        AND label.source NOT IN ('import', 'review') AND item.purpose = 'training'
        AND item.kind IN ('ranking', 'rating', 'best', 'pair')
        AND NOT EXISTS (SELECT FROM labeling_review review WHERE review.item_id = label.item_id)
), judged AS MATERIALIZED (
    SELECT label.id, label.item_id, label.annotator_id, label.best_id
    FROM touched CROSS JOIN LATERAL (
        SELECT * FROM labeling_label label WHERE label.item_id = touched.item_id
            AND label.superseded_by_id IS NULL AND label.source NOT IN ('import', 'review') OFFSET 0
    ) label
), flagged AS (
    SELECT DISTINCT judged.item_id FROM judged CROSS JOIN LATERAL (
        SELECT flags FROM labeling_rating WHERE label_id = judged.id OFFSET 0
    ) rating WHERE rating.flags && %(harmful)s::varchar[]
), said AS (
    SELECT judged.item_id, avg((mine.outcome = theirs.outcome
        AND (mine.outcome = 'tie' OR mine.chosen_id = theirs.chosen_id))::int) AS agreement
    FROM judged JOIN judged other ON other.item_id = judged.item_id AND other.id < judged.id
        AND other.annotator_id <> judged.annotator_id
    CROSS JOIN LATERAL (
        SELECT chosen_id, rejected_id, outcome FROM labeling_comparison WHERE label_id = judged.id OFFSET 0
    ) mine CROSS JOIN LATERAL (
        SELECT chosen_id, rejected_id, outcome FROM labeling_comparison WHERE label_id = other.id OFFSET 0
    ) theirs
    WHERE least(theirs.chosen_id, theirs.rejected_id) = least(mine.chosen_id, mine.rejected_id)
        AND greatest(theirs.chosen_id, theirs.rejected_id) = greatest(mine.chosen_id, mine.rejected_id)
    GROUP BY judged.item_id
    UNION ALL
    SELECT judged.item_id, avg((judged.best_id = other.best_id)::int)
    FROM judged JOIN judged other ON other.item_id = judged.item_id AND other.id < judged.id
        AND other.annotator_id <> judged.annotator_id
    WHERE judged.best_id IS NOT NULL AND other.best_id IS NOT NULL
    GROUP BY judged.item_id
)
INSERT INTO labeling_review (project_id, item_id, reason, agreement, state, created)
SELECT %(project)s, touched.item_id, CASE WHEN flagged.item_id IS NULL THEN 'disagreement' ELSE 'flag' END,
    said.agreement, 'open', statement_timestamp()
FROM touched LEFT JOIN flagged ON flagged.item_id = touched.item_id LEFT JOIN said ON said.item_id = touched.item_id
WHERE flagged.item_id IS NOT NULL OR said.agreement < %(below)s
ORDER BY touched.item_id
ON CONFLICT (item_id) DO NOTHING
"""


@transaction.atomic
def decide(*, project: Project, review_id: int, reviewer: User, verdict: Verdict, client_id: UUID) -> Label:
    """Store a reviewer's decision as a label of its own: outside the overlap and the progress, the others as they are.

    Sending the same ``client_id`` again is harmless: the first decision is returned.

    Raises:
        NotFound: no such review in the project, or no place in it.
        Conflict: closed meanwhile, or the reviewer judged the item themselves or has it at hand.
        Invalid: the verdict does not answer what was asked.
    """
    membership = Membership.objects.filter(project=project, user=reviewer, is_active=True).first()
    review = _locked(project, review_id)
    if membership is None:
        raise NotFound(gettext("you are not a member of this project"))
    if review.label is not None and review.label.client_id == client_id and review.reviewer_id == reviewer.pk:
        return review.label
    _check_open(review)
    membership.project = project
    assignment = _assignment(review, reviewer)
    check_verdict(verdict, completions=assignment.order, flags=project.flags, kind=review.item.kind)
    raise_topics(prompt_id=review.item.prompt_id, flags=verdict.flags.values())
    label = unsaved_label(membership, assignment, verdict, client_id=client_id, source=Source.REVIEW)
    label.save(force_insert=True)
    store_verdicts([(label, verdict)])
    Membership.objects.filter(pk=membership.pk).update(seconds_worked=F("seconds_worked") + verdict.seconds)
    _close(review, state=ReviewState.DECIDED, reviewer=reviewer, label=label)
    events.publish(project.slug, "label", label=label.pk, annotator=reviewer.pk)
    return label


@transaction.atomic
def dismiss(*, project: Project, review_id: int, reviewer: User) -> Review:
    """Leave an item as it was judged.

    Raises:
        NotFound: no such review in the project.
        Conflict: closed meanwhile.
    """
    review = _locked(project, review_id)
    _check_open(review)
    _close(review, state=ReviewState.DISMISSED, reviewer=reviewer)
    record(actor=reviewer, project=project, action="review.dismissed", subject=f"item {review.item_id}")
    return review


def _locked(project: Project, review_id: int) -> Review:
    rows = Review.objects.select_related("item", "label").select_for_update(no_key=True, of=("self",))
    review = rows.filter(project=project, pk=review_id).first()
    if review is None:
        raise NotFound(gettext("there is no review {review_id} in this project").format(review_id=review_id))
    return review


def _check_open(review: Review) -> None:
    if review.state != ReviewState.OPEN:
        raise Conflict(gettext("somebody closed this review meanwhile"), code="review_closed")


def _assignment(review: Review, reviewer: User) -> Assignment:
    """The reviewer's own, judged; nobody reviews what they judged themselves or have at hand."""
    order = list(review.item.entries.order_by("position").values_list("completion", flat=True))
    own = Assignment.objects.select_for_update(no_key=True).filter(item=review.item, annotator=reviewer).first()
    if own is None:
        own = Assignment(item=review.item, annotator=reviewer, lease_expires=NEVER_LEASED)
    elif own.state != State.SKIPPED:
        raise Conflict(
            gettext("you judge this item yourself: somebody else has to decide it"), code="judged_by_yourself"
        )
    own.state, own.order, own.draft = State.SUBMITTED, order, {}
    own.save()
    return own


def _close(review: Review, *, state: ReviewState, reviewer: User, label: Label | None = None) -> None:
    review.state, review.reviewer, review.label, review.closed = state, reviewer, label, timezone.now()
    review.save(update_fields=["state", "reviewer", "label", "closed"])
