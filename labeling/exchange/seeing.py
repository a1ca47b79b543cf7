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
from labeling.selectors.standings import Counted, FlagShares, Outcomes, counted, flag_shares, outcomes
from labeling.selectors.writers import model_named
from labeling.services import figures

__all__ = [
    "CompletionFacts",
    "Counted",
    "FlagShares",
    "LabelFacts",
    "Outcomes",
    "all_outcomes",
    "catch_up",
    "completion_facts",
    "flag_table",
    "flag_words",
    "label_facts",
    "model_called",
    "own_share",
    "people_behind",
    "person_called",
]


def catch_up(project_id: int, *, chunks: int = 2) -> tuple[Counted, bool]:
    """Count what is new in the sums of all_outcomes and flag_table, a few thousand judgements at most.

    Returns:
        How far they are counted, and whether that is all there is.
    """
    is_behind = figures.refresh(project_id, chunks=chunks, fits=False)
    return counted(project_id), not is_behind


def model_called(project_id: int, model: int) -> str:
    """The name of a model that imports brought completions of; "" for none of the project's."""
    return model_named(project_id, model)


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
