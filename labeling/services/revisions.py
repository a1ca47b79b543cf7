"""Changing one's mind: a new label supersedes the old one, and both remain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Conflict
from labeling.models import Assignment, Label, Membership, User
from labeling.selectors.revisions import check_judged, standing_label, texts_of
from labeling.services.active_time import bounded
from labeling.services.assignments import check_draft, locked_assignment
from labeling.services.labels import CLIENT_ID_USED, Submitted, repeated, store_verdicts, unsaved_label
from labeling.services.topics import raise_topics
from labeling.services.turns import ranks_below
from labeling.services.verdicts import Verdict, check_turn_verdict, check_verdict


def revise_label(
    *,
    assignment_id: int,
    annotator: User,
    verdict: Verdict,
    client_id: UUID,
    revises: int | None = None,
    turn: int | None = None,
) -> Submitted:
    """Replace the annotator's own judgement of an assignment; the old one is kept as superseded.

    Of a conversation the judgement of one turn is replaced, when it is over: ranks, flags and notes. What carried the
    turn on stays what it was, since all that follows was said to it.

    The item keeps its number of judgements, and an extra judgement stays an extra one. Sending the same ``client_id``
    again is harmless, and so is a verdict that changes nothing: the label that stands is returned. Changes that were
    kept as a draft are done with.

    Args:
        revises: the label that the annotator saw; None takes whichever stands.
        turn: the number of the turn of a conversation.

    Raises:
        NotFound, NotAllowed: not theirs, or the turn has no judgement.
        Invalid: the verdict does not answer what was asked.
        Conflict: nothing was judged yet, the conversation goes on, another label than the one seen stands, or the
            client id belongs to another judgement.
    """
    try:
        if turn is not None:
            return _revise_turn(assignment_id, annotator, verdict, client_id, revises, turn)
        return _revise(assignment_id, annotator, verdict, client_id, revises)
    except IntegrityError as error:
        if not Label.objects.filter(client_id=client_id).exclude(assignment=assignment_id).exists():
            raise
        raise Conflict(gettext(CLIENT_ID_USED), code="client_id_used") from error


@transaction.atomic
def _revise(assignment_id: int, annotator: User, verdict: Verdict, client_id: UUID, revises: int | None) -> Submitted:
    membership, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    check_judged(assignment)
    known = Label.objects.filter(client_id=client_id).first()
    if known is not None:
        return repeated(known, assignment, verdict)
    check_verdict(verdict, completions=assignment.order, flags=membership.project.flags, kind=assignment.item.kind)
    old = standing_label(assignment)
    check_seen(old, revises)
    Assignment.objects.filter(pk=assignment.pk).exclude(draft={}).update(draft={})
    if old.fingerprint == verdict.fingerprint():
        return Submitted(label=old, created=False)
    raise_topics(prompt_id=assignment.item.prompt_id, flags=verdict.flags.values())
    assignment.guidelines_version = membership.project.guidelines_version
    verdict = bounded(verdict, since=old.created, source=old.source)
    label = unsaved_label(membership, assignment, verdict, client_id=client_id, source=old.source)
    return _supersede(old, label, verdict, membership=membership)


@transaction.atomic
def _revise_turn(
    assignment_id: int, annotator: User, verdict: Verdict, client_id: UUID, revises: int | None, number: int
) -> Submitted:
    membership, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    check_judged(assignment, turn=number)
    old = standing_label(assignment, turn=number)
    turn, written = old.turn, old.demonstration
    assert turn is not None, "label_of_a_turn_of_its_conversation"
    best = None if written else turn.carried_id
    verdict = replace(verdict, best=best, text=written.text if written else "", suggestion=old.suggestion_id)
    known = Label.objects.filter(client_id=client_id).first()
    if known is not None:
        return repeated(known, assignment, verdict)
    texts = {shown.id: shown.text for shown in texts_of(turn.order)}
    check_turn_verdict(verdict, completions=texts, flags=membership.project.flags, has_carried_on=True)
    check_seen(old, revises)
    Assignment.objects.filter(pk=assignment.pk).exclude(draft={}).update(draft={})
    if old.fingerprint == verdict.fingerprint():
        return Submitted(label=old, created=False)
    raise_topics(prompt_id=turn.prompt_id, flags=verdict.flags.values())
    assignment.guidelines_version = membership.project.guidelines_version
    verdict = bounded(verdict, since=old.created, source=old.source)
    label = unsaved_label(membership, assignment, verdict, client_id=client_id, source=old.source)
    label.item, label.kind, label.turn, label.best, label.demonstration = old.item, old.kind, turn, None, written
    ranks = ranks_below(old.demonstration_id, verdict.ranks, shown=turn.order)
    return _supersede(old, label, replace(verdict, ranks=ranks), membership=membership)


def _supersede(old: Label, label: Label, verdict: Verdict, *, membership: Membership) -> Submitted:
    """Store the label in the place of the old one."""
    # One label is current at any moment: the old one points to the new one before there is one.
    label.pk, label.is_extra = _next_id(), old.is_extra
    Label.objects.filter(pk=old.pk).update(superseded_by=label.pk)
    label.save(force_insert=True)
    store_verdicts([(label, verdict)])
    Membership.objects.filter(pk=membership.pk).update(seconds_worked=F("seconds_worked") + verdict.seconds)
    events.publish(membership.project.slug, "label", label=label.pk, annotator=membership.user_id, supersedes=old.pk)
    return Submitted(label=label, created=True)


@transaction.atomic
def save_revision_draft(
    *, assignment_id: int, annotator: User, revises: int, draft: dict[str, Any], turn: int | None = None
) -> None:
    """Keep unfinished changes to a judgement; the judgement itself stands as it is.

    Of a conversation the changes to one turn are kept, those begun last.

    Args:
        revises: the label that is being changed. Once another one stands, nothing is kept for it any more.
        draft: the changes; none of them ends what was begun.

    Raises:
        NotFound, NotAllowed: not theirs.
        Invalid: see services.assignments.check_draft.
        Conflict: nothing was judged yet, or another label stands.
    """
    _, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    check_judged(assignment, turn=turn)
    check_seen(standing_label(assignment, turn=turn), revises)
    kept = {**draft, "revises": revises} if check_draft(draft) else {}
    # An update leaves ``changed`` alone, which for a judged assignment is when it was judged.
    Assignment.objects.filter(pk=assignment.pk).update(draft=kept)


def check_seen(standing: Label, revises: int | None) -> None:
    """Refuse a change to another judgement than the one that stands.

    Raises:
        Conflict: it was revised meanwhile.
    """
    if revises not in (None, standing.pk):
        raise Conflict(
            gettext(
                "you revised this judgement meanwhile, in another tab or window: open it again to see what stands now"
            ),
            code="revised_meanwhile",
        )


def _next_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('labeling_label', 'id'))")
        [pk] = cursor.fetchone()
    return int(pk)
