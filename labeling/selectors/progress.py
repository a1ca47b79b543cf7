"""How far a project is: sums over members and counters, never counts over labels."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Sum

from labeling.models import Membership, Project


@dataclass(frozen=True, slots=True)
class Progress:
    """Judgements done and wanted in the whole project, and the person's own share."""

    done: int
    total: int
    mine: int
    seconds: float


def progress_of(membership: Membership) -> Progress:
    """Progress as one member sees it; read afresh."""
    rows = Membership.objects.filter(project=membership.project_id).values_list(
        "user", "num_submitted", "seconds_worked"
    )
    own = next((row for row in rows if row[0] == membership.user_id), (0, 0, 0.0))
    total = Project.objects.values_list("num_slots", flat=True).get(pk=membership.project_id)
    return Progress(done=sum(row[1] for row in rows), total=total, mine=own[1], seconds=own[2])


def project_progress(project: Project) -> Progress:
    """Progress of a project as its admins see it."""
    sums = Membership.objects.filter(project=project).aggregate(
        done=Sum("num_submitted"), seconds=Sum("seconds_worked")
    )
    return Progress(done=sums["done"] or 0, total=project.num_slots, mine=0, seconds=sums["seconds"] or 0.0)
