"""What an annotator judged, to be looked at again and revised."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from labeling.errors import Conflict, NotFound
from labeling.models import Assignment, Completion, Kind, Label, Membership, State, User
from labeling.selectors.conversations import Step
from labeling.selectors.queue import Sheet, ShownCompletion, recent_assignments, sheet


@dataclass(frozen=True, slots=True)
class Revision:
    """A judgement of one's own that is open to be revised.

    Attributes:
        sheet: its draft holds the changes kept so far, or else the judgement itself.
        label: the judgement that stands.
        decided: what it says, in the shape of a draft.
        judged: when it was submitted.
        is_begun: whether changes were kept that were not submitted.
        turn: its number in a conversation; None of every other kind.
    """

    sheet: Sheet
    label: int
    decided: dict[str, Any]
    judged: dt.datetime
    is_begun: bool
    turn: int | None = None


def judged_sheet(assignment: Assignment, *, membership: Membership, turn: int | None = None) -> Sheet:
    """The sheet of a judged assignment, or turn of a conversation; its draft is the judgement that stands.

    Raises:
        Conflict, NotFound: see revision_of.
    """
    label = _standing(assignment, turn)
    return replace(_sheet(label, assignment, membership=membership), draft=_decided(label))


def revision_of(assignment: Assignment, *, membership: Membership, turn: int | None = None) -> Revision:
    """The judgement of an assignment with the changes begun on it, if any. Changes to an older one are left out.

    Args:
        turn: of a conversation, which has a judgement for each.

    Raises:
        Conflict: there is no judgement, or it is one turn's.
        NotFound: there is no judgement of the turn.
    """
    label = _standing(assignment, turn)
    shown, decided = _sheet(label, assignment, membership=membership), _decided(label)
    is_begun = shown.draft.get("revises") == label.pk
    return Revision(
        sheet=shown if is_begun else replace(shown, draft=decided),
        label=label.pk,
        decided=decided,
        judged=label.created,
        is_begun=is_begun,
        turn=turn,
    )


def _sheet(label: Label, assignment: Assignment, *, membership: Membership) -> Sheet:
    """What was judged; of a turn with all that was said before it and what carried it on."""
    found = sheet(assignment, membership=membership)
    turn, talk = label.turn, found.conversation
    if turn is None or talk is None:
        return found
    assert turn.carried is not None, "turn_has_what_its_state_says"
    said = replace(
        talk,
        step=Step.REVISE,
        turn=turn.number,
        messages=turn.prompt.messages,
        shown=turn.order,
        carried=turn.carried.text,
        is_own=label.demonstration_id is not None,
        revisable=revisable_turns(assignment),
    )
    return replace(found, prompt=said.messages, completions=texts_of(turn.order), conversation=said)


def texts_of(ids: Sequence[int]) -> list[ShownCompletion]:
    """Completions in the order of their ids given; one query."""
    texts = dict(Completion.objects.filter(pk__in=ids).values_list("pk", "text"))
    return [ShownCompletion(id=pk, text=texts[pk]) for pk in ids]


def revisable_turns(assignment: Assignment) -> tuple[int, ...]:
    """The turns of a conversation that have a judgement; none where only one completion was there to carry on."""
    labels = Label.objects.filter(assignment=assignment, superseded_by__isnull=True, turn__isnull=False)
    return tuple(labels.order_by("turn__number").values_list("turn__number", flat=True))


def judged_before(*, project_id: int, annotator: User, before: int | None = None) -> Assignment | None:
    """The assignment that the annotator judged last, or last before another one that they judged."""
    judged = recent_assignments(project_id=project_id, annotator=annotator, state=State.SUBMITTED)
    other = judged.filter(pk=before).first() if before else None
    if other is not None:
        judged = judged.filter(Q(changed__lt=other.changed) | Q(changed=other.changed, pk__lt=other.pk))
    return judged.first()


def with_revisions(assignments: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """The same assignments, each knowing whether its judgement ``was_revised``."""
    older = Label.objects.filter(assignment=OuterRef("pk"), superseded_by__isnull=False)
    return assignments.annotate(was_revised=Exists(older))


def check_judged(assignment: Assignment, *, turn: int | None = None) -> None:
    """Refuse an assignment that has no judgement to be revised.

    Raises:
        Conflict: nothing was judged, or it is a conversation and no turn is named.
        NotFound: a turn is named of what is no conversation.
    """
    if assignment.state != State.SUBMITTED:
        raise Conflict(
            gettext("this assignment is {state}: there is no judgement to revise").format(state=assignment.state),
            code="not_judged",
        )
    if assignment.item.kind == Kind.CONVERSATION and turn is None:
        raise Conflict(
            gettext("a conversation has a judgement for each turn: name the turn to be revised"), code="conversation"
        )
    if assignment.item.kind != Kind.CONVERSATION and turn is not None:
        raise NotFound(gettext("there is no judgement of a turn {number}").format(number=turn))


def standing_label(assignment: Assignment, *, turn: int | None = None) -> Label:
    """The judgement that stands, of an assignment or of a turn of a conversation; one query.

    Raises:
        NotFound: there is none of the turn.
    """
    labels = Label.objects.filter(assignment=assignment, superseded_by__isnull=True)
    if turn is not None:
        labels = labels.filter(turn__number=turn)
    found = labels.select_related("demonstration", "item", "turn__prompt", "turn__carried").first()
    if found is None:
        raise NotFound(gettext("there is no judgement of a turn {number}").format(number=turn))
    return found


def _standing(assignment: Assignment, turn: int | None) -> Label:
    check_judged(assignment, turn=turn)
    return standing_label(assignment, turn=turn)


def _decided(label: Label) -> dict[str, Any]:
    if label.turn_id is not None:
        return _decided_of_turn(label)
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


def _decided_of_turn(label: Label) -> dict[str, Any]:
    """Without what carried on, and without the text that stands above all others."""
    assert label.turn is not None
    above = 0 if label.demonstration_id is None else 1
    ratings = label.ratings.all()
    decided = {
        "step": f"{Step.REVISE}-{label.turn.number}",
        "flags": {str(row.completion_id): row.flags for row in ratings if row.flags},
        "ranks": {
            str(row.completion_id): row.rank - above
            for row in label.ranks.all()
            if row.completion_id != label.demonstration_id
        },
        "notes": label.notes,
    }
    return {name: value for name, value in decided.items() if value not in ("", {})}
