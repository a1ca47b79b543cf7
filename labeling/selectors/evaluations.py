"""Reads of blind evaluations: what people decided between the completions of two policy versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labeling.models import Completion, Item, ItemCompletion, Project, Purpose, Rank
from labeling.selectors.judgements import judgements
from labeling.selectors.stored import StoredJudgement


@dataclass(slots=True)
class Evaluated:
    """What is known of two versions, the lower number first.

    Attributes:
        outcomes: of each current judgement its prompt, and 1 when the first version's completion is better, 0 for a
            tie, -1 when the second's is.
        same: prompts for which both wrote the same, so that nobody was asked.
        num_prompts: prompts that people are asked about.
        num_wanted: judgements that are wanted of them.
    """

    outcomes: list[tuple[int, int]] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    num_prompts: int = 0
    num_wanted: int = 0


def evaluations(project: Project | int) -> dict[tuple[int, int], Evaluated]:
    """What is known of each two versions that were compared blindly, by their numbers; two queries."""
    found: defaultdict[tuple[int, int], Evaluated] = defaultdict(Evaluated)
    for (prompt, overlap, _), sides in _asked(project):
        (first, text), (second, other) = sides
        known = found[first, second]
        if text == other:
            known.same.append(prompt)
        else:
            known.num_prompts += 1
            known.num_wanted += overlap
    for prompt, ranked in _judged(project):
        (first, rank), (second, other_rank) = ranked
        found[first, second].outcomes.append((prompt, (other_rank > rank) - (other_rank < rank)))
    return dict(found)


def _asked(project: Project | int) -> Iterator[tuple[tuple[int, int, int], list[tuple[int, str]]]]:
    """Each item's prompt, overlap and id, with the version and the digest of its two completions."""
    rows = (
        ItemCompletion.objects.filter(item__project=project, item__purpose=Purpose.EVALUATION)
        .order_by("item", "completion__policy_version")
        .values_list("item__prompt", "item__overlap", "item", "completion__policy_version", "completion__digest")
    )
    sides: dict[tuple[int, int, int], list[tuple[int, str]]] = {}
    for prompt, overlap, item, version, digest in rows:
        sides.setdefault((prompt, overlap, item), []).append((version or 0, digest))
    yield from sides.items()


def _judged(project: Project | int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Each current judgement's prompt, with the version and the rank of its two completions."""
    rows = (
        Rank.objects.filter(
            label__project=project, label__superseded_by__isnull=True, label__item__purpose=Purpose.EVALUATION
        )
        .order_by("label", "completion__policy_version")
        .values_list("label", "label__item__prompt", "completion__policy_version", "rank")
    )
    sides: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for label, prompt, version, rank in rows:
        sides.setdefault((label, prompt), []).append((version or 0, rank))
    yield from ((prompt, both) for (_, prompt), both in sides.items())


def written_by(
    project: Project | int, *, version: int, prompts: Collection[int], sampling: Mapping[str, Any]
) -> dict[int, Completion]:
    """For each of the prompts the first completion that a version wrote with these sampling settings, where it did."""
    rows = Completion.objects.filter(
        prompt__project=project, prompt__in=prompts, policy_version=version, sampling__contains=dict(sampling)
    ).order_by("-id")
    return {row.prompt_id: row for row in rows}


def prompts_asked(project: Project | int, *, versions: Collection[int]) -> set[int]:
    """Prompts that an evaluation of these two versions asks about already, or found to have the same completions."""
    first, second = versions
    return set(
        Item.objects.filter(project=project, purpose=Purpose.EVALUATION, entries__completion__policy_version=first)
        .filter(entries__completion__policy_version=second)
        .values_list("prompt", flat=True)
    )


def blind_judgements(project: Project | int, **options: Any) -> Iterator[StoredJudgement]:
    """Stream the judgements of blind evaluations, and no others; options as for judgements."""
    return judgements(project, **options, purpose=Purpose.EVALUATION)
