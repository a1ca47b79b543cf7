"""Whose judgements are used: decided in the background from figures, or by an admin; and what that does to items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from labeling.errors import Invalid, NotFound
from labeling.models import (
    Assignment,
    Level,
    Membership,
    Project,
    Purpose,
    Reliability,
    Role,
    Slot,
    State,
    Trust,
    User,
)
from labeling.quality.reliability import Reliable
from labeling.quality.trust import decide
from labeling.services import probes
from labeling.services.audit import record
from labeling.services.leases import release

SETTINGS = ("weighs_annotators", "inverts_adversaries", "routes_away", "shared_percent", "shared_overlap")
"""Of a project: how judgements of people who are compared are used."""


def decide_all(project: Project, found: Mapping[int, Reliable]) -> None:
    """Decide about these annotators from what was just found; an admin's choice holds. Part of a transaction."""
    before = {row.annotator_id: row for row in Trust.objects.filter(project=project, annotator__in=found)}
    for annotator, reliable in sorted(found.items()):
        decision = decide(value=reliable.value, high=reliable.high)
        was = before.get(annotator)
        trust = was or Trust(project=project, annotator_id=annotator, level=Level.TRUSTED)
        old = trust.level
        trust.evidence, trust.is_adversary, trust.decided = _evidence(reliable), decision.is_adversary, timezone.now()
        if trust.chosen_by_id is None:
            trust.level = decision.level
        trust.save()
        if trust.level != old:
            _record(trust, None, before=old, action="trust.decided")
    apply_routing(project)


def _evidence(reliable: Reliable) -> dict[str, float]:
    return {
        "reliability": round(reliable.value, 4),
        "low": round(reliable.low, 4),
        "high": round(reliable.high, 4),
        "comparisons": reliable.comparisons,
        "known": round(reliable.known, 2),
        "known_right": round(reliable.known_right, 2),
    }


@transaction.atomic
def choose(*, project: Project, user_id: int, level: str | None, chosen_by: User) -> Trust:
    """Say how far somebody's judgements are used, whatever the figures say; None: the figures say it again.

    Raises:
        NotFound: no annotator of the project.
        Invalid: no such level.
    """
    if level is not None and level not in Level.values:
        raise Invalid(
            gettext("there is no level {level!r}: use one of {known}").format(
                level=level, known=", ".join(Level.values)
            )
        )
    if not Membership.objects.filter(project=project, user=user_id, role=Role.ANNOTATOR).exists():
        raise NotFound(gettext("there is no annotator {user_id} in {slug}").format(user_id=user_id, slug=project.slug))
    trust = Trust.objects.select_for_update().filter(project=project, annotator=user_id).first()
    if trust is None:
        trust = Trust(project=project, annotator_id=user_id, level=Level.TRUSTED)
    old = trust.level
    trust.chosen_by, trust.decided = (chosen_by if level is not None else None), timezone.now()
    trust.level = level or _by_figures(project, user_id)
    trust.save()
    _record(trust, chosen_by, before=old, action="trust.chosen" if level is not None else "trust.released")
    apply_routing(project)
    return trust


def _by_figures(project: Project, user_id: int) -> str:
    row = Reliability.objects.filter(project=project, annotator=user_id).first()
    if row is None or row.high is None:
        return Level.TRUSTED.value
    return decide(value=row.value, high=row.high).level


def _record(trust: Trust, actor: User | None, *, before: str, action: str) -> None:
    record(
        actor=actor,
        project=trust.project,
        action=action,
        subject=User(pk=trust.annotator_id),
        before={"level": str(before)},
        after={"level": str(trust.level), **trust.evidence},
    )


def apply_routing(project: Project) -> None:
    """Have the queue know whom it gives known answers alone: annotators routed away, where the project says so."""
    away: Sequence[int] = []
    if Project.objects.filter(pk=project.pk, routes_away=True).exists():
        away = list(Trust.objects.filter(project=project, level=Level.AWAY).values_list("annotator", flat=True))
    members = Membership.objects.filter(project=project)
    members.filter(is_routed_away=True).exclude(user__in=away, role=Role.ANNOTATOR).update(is_routed_away=False)
    new = list(
        members.filter(is_routed_away=False, user__in=away, role=Role.ANNOTATOR)
        .order_by("pk")
        .values_list("user", flat=True)
    )
    if new:
        members.filter(user__in=new).update(is_routed_away=True)
        held = Slot.objects.filter(assignment__annotator__in=new, project=project, is_done=False)
        release(held.filter(assignment__draft={}))  # what somebody has begun they may end


def known_alone(membership: Membership, *, besides: Sequence[int]) -> list[int] | None:
    """What to leave out so that somebody who is routed away is served an item with a known answer; None: there is none.

    The membership is locked. Only for them is anything asked of the database here.
    """
    mine = Assignment.objects.filter(
        annotator=membership.user_id, item__project=membership.project_id, state=State.ACTIVE
    )
    known = mine.filter(item__purpose=Purpose.KNOWN).exclude(pk__in=besides)
    if not known.exists() and not probes.give(membership, number=1):
        return None
    return [*besides, *mine.exclude(item__purpose=Purpose.KNOWN).values_list("pk", flat=True)]


def apply_changed(project: Project, changed: Mapping[str, Any]) -> None:
    """Follow what was changed in a project's settings; part of services.projects.update_project."""
    if "routes_away" in changed:
        apply_routing(project)
