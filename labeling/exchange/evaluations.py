"""The part of the exchange that blind evaluations pass through; other apps import it from labeling.exchange."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from labeling.errors import NotFound
from labeling.exchange.records import Sampled
from labeling.models import Project, Prompt
from labeling.selectors import evaluations as selectors
from labeling.services.evaluations import Asked, ask_blindly
from labeling.services.prompts import NewCompletion, add_completions

__all__ = ["Asked", "EvaluationRecord", "ask_people", "blind_evaluations", "prompts_written_for"]


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """What people decided between two versions without knowing of them.

    Attributes:
        outcomes: of each judgement its prompt, and 1 when the first version is better, 0 for a tie, -1 otherwise.
        same: prompts for which both wrote the same.
        num_prompts: prompts that people are asked about.
        num_wanted: judgements that are wanted of them.
    """

    first: int
    second: int
    outcomes: tuple[tuple[int, int], ...]
    same: tuple[int, ...]
    num_prompts: int
    num_wanted: int


def blind_evaluations(project_id: int) -> list[EvaluationRecord]:
    """What is known of each two versions that were compared; the lower number is the first."""
    return [
        EvaluationRecord(
            first=first,
            second=second,
            outcomes=tuple(known.outcomes),
            same=tuple(known.same),
            num_prompts=known.num_prompts,
            num_wanted=known.num_wanted,
        )
        for (first, second), known in sorted(selectors.evaluations(project_id).items())
    ]


def prompts_written_for(
    project_id: int, *, version: int, prompts: Collection[int], sampling: Mapping[str, Any]
) -> set[int]:
    """Those of the prompts that a version wrote for with these sampling settings."""
    return set(selectors.written_by(project_id, version=version, prompts=prompts, sampling=sampling))


@transaction.atomic
def ask_people(
    *,
    project_id: int,
    versions: tuple[int, int],
    prompts: Sequence[int],
    written: Mapping[int, Sequence[Sampled]],
    sampling: Mapping[str, Any],
    overlap: int,
    priority: int = 0,
) -> Asked:
    """Store what the two versions wrote for an evaluation, and ask people about it; a repeated call adds nothing.

    Args:
        written: new completions by version.
        sampling: the settings that all of them, and those that were there before, were sampled with.

    Raises:
        NotFound: no such project.
        Invalid: see services.evaluations.ask_blindly.
    """
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        raise NotFound(gettext("there is no project with the id {project_id}").format(project_id=project_id))
    stored = {row.pk: row for row in Prompt.objects.filter(project=project, pk__in=prompts)}
    pairs = [
        (
            stored[row.prompt],
            NewCompletion(text=row.text, policy_version=version, sampling=row.sampling, logprob=row.logprob),
        )
        for version, rows in written.items()
        for row in rows
        if row.prompt in stored
    ]
    if pairs:
        add_completions(pairs=pairs)
    return ask_blindly(
        project=project, versions=versions, prompts=prompts, sampling=sampling, overlap=overlap, priority=priority
    )
