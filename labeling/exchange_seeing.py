"""The part of the exchange that shows what became of judgements; other apps reach it as labeling.exchange.seeing."""

from __future__ import annotations

from labeling.models import Project
from labeling.selectors.labels import pseudonym
from labeling.selectors.lineage import (
    CompletionFacts,
    LabelFacts,
    completion_facts,
    label_facts,
    own_share,
    people_behind,
)
from labeling.selectors.standings import FlagShares, Outcomes, flag_shares, outcomes

__all__ = [
    "CompletionFacts",
    "FlagShares",
    "LabelFacts",
    "Outcomes",
    "all_outcomes",
    "completion_facts",
    "flag_table",
    "flag_words",
    "label_facts",
    "own_share",
    "people_behind",
    "person_called",
]


def all_outcomes(project_id: int) -> list[Outcomes]:
    """All comparisons between different writers, put together where they are alike."""
    return outcomes(project_id)


def flag_table(project_id: int) -> list[FlagShares]:
    """How often flags were raised on what each writer wrote."""
    return flag_shares(Project.objects.get(pk=project_id))


def flag_words(project_id: int) -> dict[str, str]:
    """The flags of a project that are asked about, in words of the language in use, in their order."""
    project = Project.objects.get(pk=project_id)
    return {code: project.all_questions[code].label for code in project.flags}


def person_called(project_id: int, user_id: int) -> str:
    """The pseudonym of a person in a project."""
    return pseudonym(project_id, user_id)
