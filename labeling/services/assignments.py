"""Claiming, keeping and giving back slots: exact overlap under any number of annotators."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from labeling.errors import Conflict, Invalid, NotAllowed, NotFound
from labeling.models import NEVER_LEASED, Assignment, Membership, Project, Purpose, Role, Slot, State, User
from labeling.selectors.access import check_second_factor, is_candidate
from labeling.services.archive import check_open
from labeling.services.given_up import sweep
from labeling.services.limits import left_today
from labeling.services.qualification import judged
from labeling.services.queue import Served, find_assignment, find_work, locked_member, serve
from labeling.services.texts import check_text

JUDGING_ROLES = (Role.ANNOTATOR, Role.REVIEWER, Role.ADMIN)
NO_MEMBER = gettext_noop("you are not a member of this project")
MAX_DRAFT_CHARACTERS = 500_000


def lock_membership(*, project_id: int, user: User) -> Membership:
    """The person's membership, locked: what one annotator does happens one after the other, in any number of tabs.

    Raises:
        NotFound: not a member, or no longer.
        NotAllowed: a member whose role doesn't judge.
    """
    return _judging(locked_member(user=user, project_id=project_id))


def _judging(membership: Membership | None) -> Membership:
    if membership is None:
        raise NotFound(gettext(NO_MEMBER))
    if membership.role not in JUDGING_ROLES:
        raise NotAllowed(gettext("your role in this project is {role}: it does not judge").format(role=membership.role))
    check_open(membership.project)
    return membership


def own_assignment(*, assignment_id: int, annotator: User) -> Assignment:
    """The annotator's assignment, read after the membership was locked.

    Raises:
        NotFound: no such assignment, or somebody else's.
    """
    assignment = find_assignment(assignment_id=assignment_id, annotator=annotator)
    if assignment is None:
        raise NotFound(gettext("you have no assignment {assignment_id}").format(assignment_id=assignment_id))
    return assignment


def locked_assignment(*, assignment_id: int, annotator: User) -> tuple[Membership, Assignment]:
    """The annotator's assignment and their place in its project, both locked, the membership first.

    Raises:
        NotFound, NotAllowed: see lock_membership and own_assignment.
    """
    work = find_work(assignment_id=assignment_id, annotator=annotator, locked=True)
    if work is None:
        own_assignment(assignment_id=assignment_id, annotator=annotator)
        raise NotFound(gettext(NO_MEMBER))
    return _judging(work.membership), work.assignment


def claim_next(*, project: Project, annotator: User) -> Assignment | None:
    """The item that the annotator works on next, leased to them: serve_next without what its page shows."""
    served = serve_next(project=project, annotator=annotator)
    return served.assignment if served is not None else None


@transaction.atomic
def serve_next(*, project: Project, annotator: User) -> Served | None:
    """The item that the annotator works on next, leased to them, with what else its page shows.

    First what they hold, then what they had begun when its lease ended, then the queue by priority and age. Nobody
    gets an item twice, and two who ask at once get different slots (SKIP LOCKED).

    Returns:
        The assignment, or None when there is nothing to do, the project is paused or their limit of today is reached.

    Raises:
        NotFound, NotAllowed: not a member, or a role that doesn't judge.
        SecondFactorNeeded: see selectors.access; what they hold can be finished.
    """
    return claim(lock_membership(project_id=project.pk, user=annotator))


def claim(membership: Membership) -> Served | None:
    """What serve_next gives, for a member who is locked; part of a transaction."""
    check_second_factor(membership)
    if membership.project.is_paused or left_today(membership) == 0:
        return None
    lost: list[int] = []
    while (served := serve(membership, besides=lost)) is not None:
        assignment = served.assignment
        assignment.guidelines_version = membership.project.guidelines_version  # those that are shown beside it now
        if served.is_new or take_slot(assignment, minutes=membership.project.lease_minutes):
            return served
        lost.append(assignment.pk)  # begun, and the last open slot of its item went to somebody else just now
    sweep(membership.project_id)
    return None


def why_nothing(membership: Membership) -> str:
    """Why ``claim`` serves nothing: ``paused``, ``daily_limit``, ``qualification`` (not passed) or ``empty``."""
    if membership.project.is_paused:
        return "paused"
    if left_today(membership) == 0:
        return "daily_limit"
    return "qualification" if is_candidate(membership) else "empty"


def take_slot(assignment: Assignment, *, minutes: int) -> bool:
    """Hold a slot for the assignment: the one it has, or another open one of its item. Renews the lease."""
    slot = _open_slot(assignment)
    if slot is None:
        return False
    _lease(slot, assignment, minutes=minutes)
    return True


def _open_slot(assignment: Assignment) -> Slot | None:
    """The slot that the assignment holds, else one of its item that nobody holds; locked.

    Whether the slot is held is asked before whether the item is full.
    """
    slots = Slot.objects.select_for_update(of=("self",)).filter(item=assignment.item_id, is_done=False)
    held = slots.filter(assignment=assignment).first()
    if held is not None:
        return held
    return slots.select_for_update(skip_locked=True, of=("self",)).filter(leased_until__lte=timezone.now()).first()


def _lease(slot: Slot, assignment: Assignment, *, minutes: int) -> None:
    until = timezone.now() + dt.timedelta(minutes=minutes)
    slot.assignment = assignment
    slot.leased_until = assignment.lease_expires = until
    slot.save(update_fields=["assignment", "leased_until"])
    assignment.save(update_fields=["lease_expires", "guidelines_version", "changed"])


@transaction.atomic
def heartbeat(*, assignment_id: int, annotator: User) -> Assignment:
    """Renew the lease while the page is in use.

    Raises:
        NotFound, NotAllowed: not theirs.
        Conflict: already judged or skipped, or the lease ended and all slots of the item went to others.
    """
    membership, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    check_active(assignment)
    if not take_slot(assignment, minutes=membership.project.lease_minutes):
        raise Conflict(
            gettext(
                "the lease ended and the item went to somebody else; what you submit is kept as an extra judgement"
            ),
            code="lease_ended",
        )
    return assignment


@transaction.atomic
def save_draft(*, assignment_id: int, annotator: User, draft: dict[str, Any]) -> Assignment:
    """Keep unfinished work on the server, whether or not the lease still runs.

    Raises:
        NotFound, NotAllowed: not theirs.
        Conflict: already judged or skipped.
        Invalid: not an object, or over 500,000 characters.
    """
    _, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    check_active(assignment)
    assignment.draft = check_draft(draft)
    assignment.save(update_fields=["draft", "changed"])
    return assignment


def check_draft(draft: object) -> dict[str, Any]:
    """The draft itself, when the database can hold it as JSON.

    Raises:
        Invalid: not an object, over 500,000 characters, a number that is none, or a text that is not valid Unicode.
    """
    if not isinstance(draft, dict):
        raise Invalid(gettext("a draft is an object, not {name}").format(name=type(draft).__name__))
    try:
        text = json.dumps(draft, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise Invalid(
            gettext("the draft holds what is not a number or is nested too deep: {error}").format(error=error)
        ) from None
    if len(text) > MAX_DRAFT_CHARACTERS:
        raise Invalid(
            gettext("the draft has {count:,} characters: at most {max_draft_characters:,} are kept").format(
                count=len(text), max_draft_characters=MAX_DRAFT_CHARACTERS
            )
        )
    # A NUL is written as an escape in JSON, where it is refused by the database and by nobody before it.
    check_text(text.replace("\\\\", "").replace("\\u0000", "\x00"), name="the draft", limit=MAX_DRAFT_CHARACTERS)
    return draft


@transaction.atomic
def skip(*, assignment_id: int, annotator: User, reason: str = "") -> Assignment:
    """Give the slot back and don't offer the item to this person again. Skipping twice is harmless.

    Raises:
        NotFound, NotAllowed: not theirs.
        Conflict: already judged.
        Invalid: a reason of over 200 characters.
    """
    membership, assignment = locked_assignment(assignment_id=assignment_id, annotator=annotator)
    if assignment.state == State.SKIPPED:
        return assignment
    check_active(assignment)
    if len(check_text(reason, name="the reason")) > 200:
        raise Invalid(gettext("the reason has {count} characters: at most 200 are kept").format(count=len(reason)))
    Slot.objects.filter(assignment=assignment, is_done=False).update(assignment=None, leased_until=NEVER_LEASED)
    assignment.state = State.SKIPPED
    assignment.skip_reason = reason
    assignment.save(update_fields=["state", "skip_reason", "changed"])
    if assignment.item.purpose == Purpose.KNOWN:
        judged(assignment, membership=membership, verdict=None)
    return assignment


def check_active(assignment: Assignment) -> None:
    """Refuse work on an assignment that is done.

    Raises:
        Conflict: it was judged or skipped.
    """
    if assignment.state == State.SUBMITTED:
        raise Conflict(gettext("this assignment is already judged"), code="already_judged")
    if assignment.state == State.SKIPPED:
        raise Conflict(gettext("you skipped this assignment"), code="skipped")
