"""Asking people which of two policies writes better, without their knowing that there are two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.models import Completion, Kind, Project, Prompt, Purpose
from labeling.selectors.evaluations import prompts_asked, written_by
from labeling.services.prompts import NewItem, create_items, create_judged_items


@dataclass(frozen=True, slots=True)
class Asked:
    """How many items were put into the queue, and for how many prompts both versions wrote the same."""

    num_items: int
    num_same: int


@transaction.atomic
def ask_blindly(
    *,
    project: Project,
    versions: tuple[int, int],
    prompts: Sequence[int],
    sampling: Mapping[str, Any],
    overlap: int,
    priority: int = 0,
) -> Asked:
    """Put pairs of two versions' completions into the queue, one for each held-out prompt; asking again adds nothing.

    To annotators they are pairs like all others: the order is random per assignment, the versions are nowhere on the
    page. Where both wrote the same nobody is asked: it is kept as a tie.

    Args:
        versions: two different ones, each of which wrote for all of the prompts.
        sampling: how the completions were sampled; what was written otherwise is not compared.

    Raises:
        Invalid: the versions are the same one, a prompt is of another project or not held out, or lacks a completion.
    """
    if versions[0] == versions[1]:
        raise Invalid(
            gettext("version {versions} cannot be compared with itself: name two versions").format(versions=versions[0])
        )
    # One after the other: two that ask at once must not ask twice.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    asked = prompts_asked(project, versions=versions)
    new = [pk for pk in dict.fromkeys(prompts) if pk not in asked]
    stored = _held_out(project, new)
    sides = [_written(project, version, new, sampling) for version in versions]
    items = [
        NewItem(
            prompt=stored[pk],
            completions=[side[pk] for side in sides],
            overlap=overlap,
            priority=priority,
            kind=Kind.PAIR,
            purpose=Purpose.EVALUATION,
        )
        for pk in new
    ]
    same = [item for item in items if len({each.digest for each in item.completions}) == 1]
    create_judged_items(project=project, items=same)
    create_items(project=project, items=[item for item in items if item not in same])
    return Asked(num_items=len(items) - len(same), num_same=len(same))


def _held_out(project: Project, prompts: Sequence[int]) -> dict[int, Prompt]:
    stored = {row.pk: row for row in Prompt.objects.filter(project=project, pk__in=prompts, held_out=True)}
    if missing := [pk for pk in prompts if pk not in stored]:
        raise Invalid(
            gettext("prompt {missing} is not a held-out prompt of {slug}: evaluations ask about no others").format(
                missing=missing[0], slug=project.slug
            )
        )
    return stored


def _written(
    project: Project, version: int, prompts: Sequence[int], sampling: Mapping[str, Any]
) -> dict[int, Completion]:
    written = written_by(project, version=version, prompts=prompts, sampling=sampling)
    if missing := [pk for pk in prompts if pk not in written]:
        raise Invalid(
            gettext(
                "version {version} wrote nothing for prompt {missing} with these settings: let it write first"
            ).format(version=version, missing=missing[0])
        )
    return written
