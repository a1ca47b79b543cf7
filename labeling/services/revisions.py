"""Changing one's mind: a new label supersedes the old one, and both remain."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F

from labeling import events
from labeling.errors import Conflict
from labeling.models import Label, Membership, State, User
from labeling.services.assignments import locked_assignment
from labeling.services.labels import CLIENT_ID_USED, Submitted, new_label, repeated
from labeling.services.verdicts import Verdict, check_verdict


def revise_label(*, assignment_id: int, annotator: User, verdict: Verdict, client_id: UUID) -> Submitted:
    """Replace the annotator's own judgement of an assignment; the old one is kept as superseded.

    The item keeps its number of judgements, and an extra judgement stays an extra one. Sending the same ``client_id``
    again is harmless, and so is a verdict that changes nothing: the label that stands is returned.

    Raises:
        NotFound, NotAllowed: not theirs.
        Invalid: the verdict does not answer what was asked.
        Conflict: nothing was judged yet, or the client id belongs to another judgement.
    """
    try:
        return _revise(assignment_id, annotator, verdict, client_id)
    except IntegrityError as error:
        if not Label.objects.filter(client_id=client_id).exclude(assignment=assignment_id).exists():
            raise
        raise Conflict(CLIENT_ID_USED, code="client_id_used") from error


@transaction.atomic
def _revise(assignment_id: int, annotator: User, verdict: Verdict, client_id: UUID) -> Submitted:
    membership, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    if assignment.state != State.SUBMITTED:
        raise Conflict(f"this assignment is {assignment.state}: there is no judgement to revise", code="not_judged")
    known = Label.objects.filter(client_id=client_id).first()
    if known is not None:
        return repeated(known, assignment, verdict)
    check_verdict(verdict, completions=assignment.order, flags=membership.project.flags, kind=assignment.item.kind)
    old = Label.objects.get(assignment=assignment, superseded_by__isnull=True)
    if old.fingerprint == verdict.fingerprint():
        return Submitted(label=old, created=False)
    assignment.guidelines_version = membership.project.guidelines_version
    # One label of an assignment is current at any moment: the old one points to the new one before there is one.
    pk = _next_id()
    Label.objects.filter(pk=old.pk).update(superseded_by=pk)
    label = new_label(
        membership, assignment, verdict, client_id=client_id, source=old.source, is_extra=old.is_extra, pk=pk
    )
    Membership.objects.filter(pk=membership.pk).update(seconds_worked=F("seconds_worked") + verdict.seconds)
    events.publish(membership.project.slug, "label", label=label.pk, annotator=annotator.pk, supersedes=old.pk)
    return Submitted(label=label, created=True)


def _next_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('labeling_label', 'id'))")
        [pk] = cursor.fetchone()
    return int(pk)
