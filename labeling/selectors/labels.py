"""Reads of labels: which there are, and the names of who gave them."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from functools import lru_cache

from django.db.models import F, OuterRef, QuerySet, Subquery

from labeling.models import Comparison, Label, Project, Purpose, Source


@lru_cache(maxsize=10_000)
def pseudonym(project: int, annotator: int | None) -> str:
    """What an annotator is called outside: the same in one project always, another in each; empty for imports.

    It is made with a secret of the project, so that nobody finds out whom it names by trying all accounts. Projects
    that had labels before there were such secrets keep the names of before, which their exports and snapshots hold.
    """
    if annotator is None:
        return ""
    key = _key(project)
    if key:
        digest = hmac.new(bytes.fromhex(key), str(annotator).encode(), "sha256").hexdigest()
    else:
        digest = hashlib.sha256(f"prefloop {project} {annotator}".encode()).hexdigest()
    return f"annotator-{digest[:10]}"


@lru_cache(maxsize=10_000)
def _key(project: int) -> str:
    """The project's secret, which never changes; one query for each process."""
    return Project.objects.values_list("pseudonym_key", flat=True).get(pk=project)


def current_labels(project: Project | int, *, purpose: str = Purpose.TRAINING) -> QuerySet[Label]:
    """Labels that no revision replaced, in the order they were stored; those of one purpose only."""
    return Label.objects.filter(project=project, superseded_by__isnull=True, item__purpose=purpose).order_by("id")


def comparisons(project: Project | int) -> QuerySet[Comparison]:
    """Comparisons of the current labels, in the order they were stored, with texts and prompts."""
    return (
        Comparison.objects.select_related("label__item__prompt", "chosen", "rejected")
        .filter(label__project=project, label__superseded_by__isnull=True, label__item__purpose=Purpose.TRAINING)
        .order_by("id")
    )


def latest_label(project: Project | int) -> int:
    """Id of the newest label of a project; 0 when there is none."""
    return Label.objects.filter(project=project).order_by("-id").values_list("id", flat=True).first() or 0


def count_labels_after(project: Project | int, label: int, *, at_most: int) -> int:
    """How many labels to learn from were made here, not imported, after one, counted to ``at_most`` and no further."""
    return _made_here_after(project, label)[:at_most].count()


def first_label_after(project: Project | int, label: int) -> datetime | None:
    """When the first label to learn from was made here, not imported, after one; None without any."""
    return _made_here_after(project, label).order_by("id").values_list("created", flat=True).first()


def _made_here_after(project: Project | int, label: int) -> QuerySet[Label]:
    made_here = Label.objects.filter(project=project, pk__gt=label, item__purpose=Purpose.TRAINING)
    return made_here.exclude(source=Source.IMPORT)


def last_seen(project: Project) -> Subquery:
    """When each member judged last, for annotating memberships."""
    return Subquery(
        Label.objects.filter(project=project, annotator=OuterRef("user")).order_by("-id").values(at=F("created"))[:1]
    )
