"""What an annotator judged, to be looked at again and revised."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from labeling.errors import Conflict
from labeling.models import Assignment, Kind, Label, Membership, State, User
from labeling.selectors.queue import Sheet, recent_assignments, sheet


@dataclass(frozen=True, slots=True)
class Revision:
    """A judgement of one's own that is open to be revised.

    Attributes:
        sheet: its draft holds the changes kept so far, or else the judgement itself.
        label: the judgement that stands.
        decided: what it says, in the shape of a draft.
        judged: when it was submitted.
        is_begun: whether changes were kept that were not submitted.
    """

    sheet: Sheet
    label: int
    decided: dict[str, Any]
    judged: dt.datetime
    is_begun: bool


def judged_sheet(assignment: Assignment, *, membership: Membership) -> Sheet:
    """The sheet of a judged assignment; its draft is the judgement that stands, for it to be revised.

    Raises:
        Conflict: there is no judgement.
    """
    return replace(sheet(assignment, membership=membership), draft=_decided(_standing(assignment)))


def revision_of(assignment: Assignment, *, membership: Membership) -> Revision:
    """The judgement of an assignment with the changes begun on it, if any. Changes to an older one are left out.

    Raises:
        Conflict: there is no judgement.
    """
    label = _standing(assignment)
    shown, decided = sheet(assignment, membership=membership), _decided(label)
    is_begun = shown.draft.get("revises") == label.pk
    return Revision(
        sheet=shown if is_begun else replace(shown, draft=decided),
        label=label.pk,
        decided=decided,
        judged=label.created,
        is_begun=is_begun,
    )


def judged_before(*, project_id: int, annotator: User, before: int | None = None) -> Assignment | None:
    """The assignment that the annotator judged last, or last before another one that they judged."""
    judged = recent_assignments(project_id=project_id, annotator=annotator, state=State.SUBMITTED)
    judged = judged.exclude(item__kind=Kind.CONVERSATION)
    other = judged.filter(pk=before).first() if before else None
    if other is not None:
        judged = judged.filter(Q(changed__lt=other.changed) | Q(changed=other.changed, pk__lt=other.pk))
    return judged.first()


def with_revisions(assignments: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """The same assignments, each knowing whether its judgement ``was_revised``."""
    older = Label.objects.filter(assignment=OuterRef("pk"), superseded_by__isnull=False)
    return assignments.annotate(was_revised=Exists(older))


def check_judged(assignment: Assignment) -> None:
    """Refuse an assignment that has no judgement to be revised.

    Raises:
        Conflict: nothing was judged, or it is a conversation.
    """
    if assignment.state != State.SUBMITTED:
        raise Conflict(
            gettext("this assignment is {state}: there is no judgement to revise").format(state=assignment.state),
            code="not_judged",
        )
    if assignment.item.kind == Kind.CONVERSATION:
        raise Conflict(
            gettext("a conversation is not revised: each of its turns goes on from the one before"), code="conversation"
        )


def _standing(assignment: Assignment) -> Label:
    check_judged(assignment)
    return (
        Label.objects.filter(assignment=assignment, superseded_by__isnull=True)
        .select_related("demonstration")
        .prefetch_related("ratings", "ranks")
        .get()
    )


def _decided(label: Label) -> dict[str, Any]:
    ratings = list(label.ratings.all())
    decided = {
        "ratings": {str(row.completion_id): row.value for row in ratings if row.value is not None},
        "flags": {str(row.completion_id): row.flags for row in ratings if row.flags},
        "ranks": {str(row.completion_id): row.rank for row in label.ranks.all()},
        "best": label.best_id,
        "strength": label.strength,
        "text": label.demonstration.text if label.demonstration else "",
        "suggestion": label.suggestion_id,
        "notes": label.notes,
    }
    return {name: value for name, value in decided.items() if value not in (None, "", {})}
