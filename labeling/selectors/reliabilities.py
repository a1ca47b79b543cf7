"""Reads of how far annotators can be relied upon."""

from __future__ import annotations

from django.db.models import QuerySet

from labeling.models import Level, Project, Reliability, Trust
from labeling.quality.reliability import weight


def reliabilities_of(project: Project | int) -> QuerySet[Reliability]:
    """What is known of each annotator of a project, the least reliable first."""
    return Reliability.objects.select_related("annotator").filter(project=project).order_by("value", "annotator")


def trusts(project: Project) -> dict[int, Trust]:
    """What is decided about each annotator."""
    return {row.annotator_id: row for row in Trust.objects.select_related("chosen_by").filter(project=project)}


def training_weights(project_id: int) -> dict[int, float]:
    """What each annotator's judgements count in training where it is not 1; nothing when the project weighs nobody.

    A negative one says to turn the judgement around: of who surely says the opposite, where the project wants that.
    What an admin chose holds: who is trusted counts 1, who is routed away nothing.
    """
    project = Project.objects.filter(pk=project_id, weighs_annotators=True).first()
    if project is None:
        return {}
    decided = trusts(project)
    values = Reliability.objects.filter(project=project).values_list("annotator", "value")
    found = {
        annotator: weight(value, inverts=project.inverts_adversaries and _is_adversary(decided.get(annotator)))
        for annotator, value in values
    }
    chosen = {who: trust for who, trust in decided.items() if trust.chosen_by_id is not None}
    found |= {who: 1.0 for who, trust in chosen.items() if trust.level == Level.TRUSTED}
    found |= {who: 0.0 for who, trust in chosen.items() if trust.level == Level.AWAY}
    return found


def _is_adversary(trust: Trust | None) -> bool:
    return trust is not None and trust.is_adversary
