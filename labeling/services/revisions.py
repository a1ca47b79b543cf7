"""Changing one's mind: a new label supersedes the old one, and both remain."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Conflict
from labeling.models import Assignment, Label, Membership, User
from labeling.selectors.revisions import check_judged
from labeling.services.active_time import bounded
from labeling.services.assignments import check_draft, locked_assignment
from labeling.services.labels import CLIENT_ID_USED, Submitted, repeated, store_verdicts, unsaved_label
from labeling.services.topics import raise_topics
from labeling.services.verdicts import Verdict, check_verdict


def revise_label(
    *, assignment_id: int, annotator: User, verdict: Verdict, client_id: UUID, revises: int | None = None
) -> Submitted:
    """Replace the annotator's own judgement of an assignment; the old one is kept as superseded.

    The item keeps its number of judgements, and an extra judgement stays an extra one. Sending the same ``client_id``
    again is harmless, and so is a verdict that changes nothing: the label that stands is returned. Changes that were
    kept as a draft are done with.

    Args:
        revises: the label that the annotator saw; None takes whichever stands.

    Raises:
        NotFound, NotAllowed: not theirs.
        Invalid: the verdict does not answer what was asked.
        Conflict: nothing was judged yet, another label than the one seen stands, or the client id belongs to another
            judgement.
    """
    try:
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
    old = _standing(assignment, revises=revises)
    Assignment.objects.filter(pk=assignment.pk).exclude(draft={}).update(draft={})
    if old.fingerprint == verdict.fingerprint():
        return Submitted(label=old, created=False)
    raise_topics(prompt_id=assignment.item.prompt_id, flags=verdict.flags.values())
    assignment.guidelines_version = membership.project.guidelines_version
    verdict = bounded(verdict, since=old.created, source=old.source)
    # One label of an assignment is current at any moment: the old one points to the new one before there is one.
    label = unsaved_label(membership, assignment, verdict, client_id=client_id, source=old.source)
    label.pk, label.is_extra = _next_id(), old.is_extra
    Label.objects.filter(pk=old.pk).update(superseded_by=label.pk)
    label.save(force_insert=True)
    store_verdicts([(label, verdict)])
    Membership.objects.filter(pk=membership.pk).update(seconds_worked=F("seconds_worked") + verdict.seconds)
    events.publish(membership.project.slug, "label", label=label.pk, annotator=annotator.pk, supersedes=old.pk)
    return Submitted(label=label, created=True)


@transaction.atomic
def save_revision_draft(*, assignment_id: int, annotator: User, revises: int, draft: dict[str, Any]) -> None:
    """Keep unfinished changes to a judgement; the judgement itself stands as it is.

    Args:
        revises: the label that is being changed. Once another one stands, nothing is kept for it any more.
        draft: the changes; none of them ends what was begun.

    Raises:
        NotFound, NotAllowed: not theirs.
        Invalid: see services.assignments.check_draft.
        Conflict: nothing was judged yet, or another label stands.
    """
    _, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    check_judged(assignment)
    _standing(assignment, revises=revises)
    kept = {**draft, "revises": revises} if check_draft(draft) else {}
    # An update leaves ``changed`` alone, which for a judged assignment is when it was judged.
    Assignment.objects.filter(pk=assignment.pk).update(draft=kept)


def _standing(assignment: Assignment, *, revises: int | None) -> Label:
    label = Label.objects.get(assignment=assignment, superseded_by__isnull=True)
    if revises not in (None, label.pk):
        raise Conflict(
            gettext(
                "you revised this judgement meanwhile, in another tab or window: open it again to see what stands now"
            ),
            code="revised_meanwhile",
        )
    return label


def _next_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('labeling_label', 'id'))")
        [pk] = cursor.fetchone()
    return int(pk)
