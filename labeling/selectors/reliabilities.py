"""Reads of how far annotators can be relied upon."""

from __future__ import annotations

from django.db.models import QuerySet

from labeling.models import Project, Reliability
from labeling.quality.reliability import weight


def reliabilities_of(project: Project | int) -> QuerySet[Reliability]:
    """What is known of each annotator of a project, the least reliable first."""
    return Reliability.objects.select_related("annotator").filter(project=project).order_by("value", "annotator")


def training_weights(project_id: int) -> dict[int, float]:
    """What each annotator's judgements count in training where it is not 1; nothing when the project weighs nobody."""
    rows = Reliability.objects.filter(project=project_id, project__weighs_annotators=True)
    return {annotator: weight(value) for annotator, value in rows.values_list("annotator", "value")}
