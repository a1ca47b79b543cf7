"""How far a project is: sums over members and counters, never counts over labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, Sum

from labeling.models import Membership, Project, Role, User
from labeling.rows import fetch_one
from labeling.selectors.access import RESEARCHERS, projects_of


@dataclass(frozen=True, slots=True)
class Progress:
    """Judgements done and wanted in the whole project, and the person's own share."""

    done: int
    total: int
    mine: int
    seconds: float


def progress_of(membership: Membership) -> Progress:
    """Progress as one member sees it; read afresh. Admins and researchers see that of the data."""
    statement = OF_DATA if membership.role in RESEARCHERS else PROGRESS
    row = fetch_one(statement, {"project": membership.project_id, "user": membership.user_id})
    assert row is not None  # a membership has a project
    return Progress(*row)


def _statement(*, done: str, total: str) -> str:
    return f"""
SELECT {done} AS done, {total} AS total,
    coalesce(sum(member.num_submitted) FILTER (WHERE member.user_id = %(user)s), 0)::bigint AS mine,
    coalesce(sum(member.seconds_worked) FILTER (WHERE member.user_id = %(user)s), 0) AS seconds
FROM labeling_project project LEFT JOIN labeling_membership member ON member.project_id = project.id
WHERE project.id = %(project)s
GROUP BY project.id
"""


# To annotators an item with a known answer is one like others: it counts as theirs and as done. The total holds as many
# of them as are to be expected, so that it does not move when one comes.
WITH_KNOWN = """(project.num_slots + greatest(
    project.num_slots::bigint * project.known_percent / (100 - project.known_percent),
    coalesce(sum(member.num_known), 0)
))::bigint"""
PROGRESS = _statement(done=f"least(coalesce(sum(member.num_submitted), 0)::bigint, {WITH_KNOWN})", total=WITH_KNOWN)
OF_DATA = _statement(
    done="coalesce(sum(member.num_submitted - member.num_known), 0)::bigint", total="project.num_slots"
)


def project_progress(project: Project) -> Progress:
    """Progress of a project as its admins and researchers see it: without the items whose answers are known."""
    sums = Membership.objects.filter(project=project).aggregate(
        done=Sum(F("num_submitted") - F("num_known")), seconds=Sum("seconds_worked")
    )
    return Progress(done=sums["done"] or 0, total=project.num_slots, mine=0, seconds=sums["seconds"] or 0.0)


@dataclass(frozen=True, slots=True)
class Place:
    """One of a person's projects, with their role and progress in it."""

    project: Project
    role: str
    progress: Progress


def overview(user: User, *, archived: bool = False) -> list[Place]:
    """A person's projects by name, each with its progress; a superuser sees all as admin. Three queries at most."""
    return places_in(list(projects_of(user, archived=archived).order_by("name", "pk")), user=user)


def places_in(projects: Sequence[Project], *, user: User) -> list[Place]:
    """The person's role and progress in each of these projects, which they may see; two queries."""
    ids = [project.pk for project in projects]
    roles = dict(Membership.objects.filter(project__in=ids, user=user, is_active=True).values_list("project", "role"))
    sums = {
        row["project"]: row
        for row in Membership.objects.filter(project__in=ids)
        .values("project")
        .annotate(
            submitted=Sum("num_submitted"),
            known=Sum("num_known"),
            mine=Sum("num_submitted", filter=Q(user=user), default=0),
            seconds=Sum("seconds_worked", filter=Q(user=user), default=0.0),
        )
    }
    nothing: dict[str, Any] = {"submitted": 0, "known": 0, "mine": 0, "seconds": 0.0}
    places = []
    for project in projects:
        row = sums.get(project.pk, nothing)
        role = roles.get(project.pk, Role.ADMIN)
        done, total = row["submitted"] - row["known"], project.num_slots
        if role not in RESEARCHERS:  # as in PROGRESS
            total += max(project.num_slots * project.known_percent // (100 - project.known_percent), row["known"])
            done = min(row["submitted"], total)
        progress = Progress(done=done, total=total, mine=row["mine"], seconds=row["seconds"])
        places.append(Place(project=project, role=role, progress=progress))
    return places
