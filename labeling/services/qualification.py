"""Getting people ready: a new annotator first judges items whose right judgement is known, and has to reach a mark."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext

from labeling.errors import Conflict, NotFound
from labeling.models import (
    Assignment,
    Membership,
    Project,
    Purpose,
    Qualification,
    QualificationState,
    State,
    User,
)
from labeling.selectors.access import is_candidate
from labeling.services import probes
from labeling.services.audit import record
from labeling.services.verdicts import Verdict


def has_work(membership: Membership, *, besides: Collection[int] = ()) -> bool:
    """Whether a candidate, whose membership is locked, has items of a qualification to judge; begins the first try.

    Args:
        besides: assignments to leave out.
    """
    trial = _open(membership)
    if trial is None and not membership.qualifications.exists():
        trial = _begin(membership)
    if trial is None:
        return False
    _replace_lost(trial, membership)
    return membership.is_let_in or _unjudged(trial).exclude(pk__in=besides).exists()


@transaction.atomic
def try_again(*, project: Project, annotator: User) -> Qualification:
    """Begin another try, with other items.

    Raises:
        NotFound: no member.
        Conflict: there is nothing to qualify for, a try is open, no further one is allowed, or there are no items left.
    """
    membership = _locked(project, user=annotator.pk)
    if membership is None or not membership.is_active:
        raise NotFound(gettext("you are not a member of this project"))
    if not is_candidate(membership):
        raise Conflict(gettext("you need no qualification in this project"), code="let_in")
    if _open(membership) is not None:
        raise Conflict(gettext("a try is open: finish it first"), code="try_open")
    if membership.qualifications.count() >= membership.project.qualification_tries:
        raise Conflict(gettext("there is no further try: an admin can let you in"), code="no_try_left")
    trial = _begin(membership)
    if trial is None:
        raise Conflict(
            gettext("there are not enough items with known answers left for you: an admin can make some"),
            code="no_items_left",
        )
    return trial


@transaction.atomic
def let_in(*, project: Project, user_id: int, changed_by: User | None = None) -> Membership:
    """Have somebody judge without a qualification, or in spite of one.

    Raises:
        NotFound: no member of the project.
    """
    membership = _locked(project, user=user_id)
    if membership is None:
        raise NotFound(gettext("there is no member {user_id} in {slug}").format(user_id=user_id, slug=project.slug))
    if not membership.is_let_in:
        membership.is_let_in = True
        membership.save(update_fields=["is_let_in"])
        record(actor=changed_by, project=project, action="member.admitted", subject=membership.user)
    return membership


def judged(assignment: Assignment, *, membership: Membership, verdict: Verdict | None) -> None:
    """Mark an item with a known answer that was judged or (None) skipped; the last one of a try decides it."""
    probe = probes.mark(assignment, membership=membership, verdict=verdict)
    if probe is None or probe.qualification_id is None:
        return
    trial = Qualification.objects.get(pk=probe.qualification_id)
    is_whole = trial.probes.count() >= trial.wanted and not trial.probes.filter(num_asked__isnull=True).exists()
    if trial.state == QualificationState.OPEN and is_whole:
        _decide(trial, membership)


def _locked(project: Project, *, user: int) -> Membership | None:
    places = Membership.objects.select_related("project", "user").filter(project=project, user=user)
    return places.select_for_update(no_key=True, of=("self",)).first()


def _decide(trial: Qualification, membership: Membership) -> None:
    sums = trial.probes.aggregate(right=Sum("num_right"), asked=Sum("num_asked"))
    trial.num_right, trial.num_asked = sums["right"], sums["asked"]
    has_passed = 100 * trial.num_right >= trial.mark * trial.num_asked
    trial.state = QualificationState.PASSED if has_passed else QualificationState.FAILED
    trial.decided = timezone.now()
    trial.save(update_fields=["num_right", "num_asked", "state", "decided"])
    if has_passed:
        Membership.objects.filter(pk=membership.pk).update(is_let_in=True)
        membership.is_let_in = True


def _open(membership: Membership) -> Qualification | None:
    return membership.qualifications.filter(state=QualificationState.OPEN).first()


def _begin(membership: Membership) -> Qualification | None:
    """A try with all its items; None, and nothing is stored, when there are too few that are new to the person."""
    project = membership.project
    with transaction.atomic():
        trial = Qualification.objects.create(
            membership=membership,
            number=membership.qualifications.count() + 1,
            wanted=project.qualification_items,
            mark=project.qualification_mark,
        )
        if probes.give(membership, number=trial.wanted, qualification=trial) < trial.wanted:
            transaction.set_rollback(True)
            return None
    return trial


def _replace_lost(trial: Qualification, membership: Membership) -> None:
    """Give other items for those that were given back unseen, or whose topics the person opted out of since.

    When there are none left, the try is over with what was judged.
    """
    opted_out = _unjudged(trial).filter(item__prompt__topics__overlap=membership.user.opted_out)
    opted_out.delete()
    missing = trial.wanted - trial.probes.count()
    if missing > 0 and probes.give(membership, number=missing, qualification=trial) < missing:
        trial.wanted = trial.probes.count()
        trial.save(update_fields=["wanted"])
        if trial.wanted and not _unjudged(trial).exists():
            _decide(trial, membership)


def _unjudged(trial: Qualification) -> Any:
    return Assignment.objects.filter(probe__qualification=trial, state=State.ACTIVE, item__purpose=Purpose.KNOWN)
