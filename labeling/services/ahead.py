"""Claiming one item ahead, so that the next one is there at once.

The page holds it hidden, on a short lease that it renews while somebody works, and gives it back when it is left; when
it cannot, the lease ends. A slot that is held ahead is a slot like others, so the overlap stays exact. Near the end of
a queue nothing is held ahead: there, an item that waits hidden in one browser is one that somebody else could judge.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from labeling.models import NEVER_LEASED, Assignment, Project, Purpose, Slot, State, User
from labeling.selectors.access import is_candidate, lacks_second_factor
from labeling.selectors.queue import Shown
from labeling.services.assignments import lock_membership, locked_assignment, take_slot
from labeling.services.limits import left_today
from labeling.services.queue import find_assignment, serve

AHEAD_MINUTES = 5
ENOUGH = 32
"""Free slots that have to be left in the queue for one to be held ahead: more than there are people at work at once."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Whether the current item is held for the person, and the one claimed ahead, if any."""

    is_held: bool
    assignment: Assignment | None = None
    shown: Shown | None = None


@transaction.atomic
def claim_ahead(*, project: Project, annotator: User, current: int) -> Ahead:
    """Hold the assignment that the person works on now, and one more on a short lease. Asking again renews both.

    Raises:
        NotFound, NotAllowed: not a member, or a role that doesn't judge.
    """
    membership = lock_membership(project_id=project.pk, user=annotator)
    working = find_assignment(assignment_id=current, annotator=annotator)
    if working is None or working.state != State.ACTIVE or working.item.project_id != project.pk:
        return Ahead(is_held=False)
    if not take_slot(working, minutes=membership.project.lease_minutes):
        return Ahead(is_held=False)
    if working.item.purpose == Purpose.KNOWN and membership.project.tells_at_once and is_candidate(membership):
        return Ahead(is_held=True)  # what was expected of it comes before the next one
    if membership.project.is_paused or left_today(membership) in (0, 1) or lacks_second_factor(membership):
        return Ahead(is_held=True)
    if not _is_enough_left(membership.project_id):
        return Ahead(is_held=True)
    besides = [working.pk]
    while (served := serve(membership, besides=besides, minutes=AHEAD_MINUTES)) is not None:
        assignment = served.assignment
        if served.is_new or _is_held_longer(assignment) or take_slot(assignment, minutes=AHEAD_MINUTES):
            return Ahead(is_held=True, assignment=assignment, shown=served.shown)
        besides.append(assignment.pk)
    return Ahead(is_held=True)


def _is_enough_left(project_id: int) -> bool:
    free = Slot.objects.filter(project=project_id, is_done=False, leased_until__lte=timezone.now())
    return len(free.values_list("pk")[:ENOUGH]) == ENOUGH


def _is_held_longer(assignment: Assignment) -> bool:
    """Another tab may work on it."""
    return assignment.lease_expires > timezone.now() + dt.timedelta(minutes=AHEAD_MINUTES)


@transaction.atomic
def give_back(*, assignment_id: int, annotator: User) -> bool:
    """Give back what was claimed ahead and never begun, as if it had not been claimed; whether it was.

    Raises:
        NotFound, NotAllowed: not theirs.
    """
    membership, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    if assignment.state != State.ACTIVE or assignment.draft or _is_held_longer(assignment):
        return False
    slot = Slot.objects.select_for_update().filter(assignment=assignment, is_done=False).first()
    if slot is not None:
        slot.assignment, slot.leased_until = None, NEVER_LEASED
        slot.save(update_fields=["assignment", "leased_until"])
        with connection.cursor() as cursor:
            cursor.execute(COME_BACK, {"membership": membership.pk, "priority": slot.priority, "slot": slot.pk})
    assignment.delete()
    return True


COME_BACK = """
UPDATE labeling_passage SET slot = %(slot)s
WHERE membership_id = %(membership)s AND priority = %(priority)s AND slot > %(slot)s
"""
# The person may have passed it by, with the item in hand; now it is open for them again.
