"""The part of the exchange by which policies fill the queue; other apps import it from labeling.exchange."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from labeling.errors import Invalid, NotFound
from labeling.exchange.records import Chosen, Sampled
from labeling.models import Completion, Item, Kind, Project, Prompt, Purpose
from labeling.services import asked, freshness
from labeling.services import prompts as prompt_services
from labeling.services.prompts import NewCompletion, NewItem

__all__ = ["Wanted", "add_completions", "let_go", "wanted_of"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the project asks about a prompt next: a kind of judgement, and how many completions it shows."""

    kind: str
    least: int
    most: int

    @property
    def compares(self) -> bool:
        """Whether completions are judged; in the other kinds they are suggestions."""
        return self.kind not in (Kind.DEMONSTRATION, Kind.CONVERSATION)


def wanted_of(project_id: int, *, prompts: Collection[int], policy_version: int) -> dict[int, Wanted]:
    """What is asked about each prompt of what versions up to this one wrote; an archived prompt is left out."""
    project = _project(project_id)
    found = {}
    for prompt in Prompt.objects.filter(project=project, pk__in=prompts, is_archived=False):
        kind = asked.kind_for(project, digest=prompt.digest, source=prompt.source, policy_version=policy_version)
        if kind:
            least, most = asked.num_completions(kind)
            found[prompt.pk] = Wanted(kind, max(least, 1), min(most, max(project.completions_per_item, least)))
    return found


@transaction.atomic
def add_completions(
    *,
    project_id: int,
    policy_version: int,
    sampled: Sequence[Sequence[Sampled]],
    priority: int = 0,
    chosen: Sequence[Chosen | None] | None = None,
) -> int:
    """Store what policy versions wrote and put it into the queue: the one write that other apps may do.

    Repeating a call with the same texts stores nothing twice and adds no second item.

    Args:
        policy_version: of all completions that name no other; the newest one, where several wrote.
        sampled: for each prompt, the completions to be judged together; equal texts are judged once.
        chosen: how each of them was chosen; such a group is one item, and never taken apart.

    Returns:
        How many items were added; a prompt with too few different completions for what is asked gives none, nor does
        a chosen group with more than are asked about at a time by now.

    Raises:
        NotFound: no such project.
        Invalid: a prompt of another project, or a group with completions of two prompts.
    """
    project = _project(project_id, locked=True)
    reasons = list(chosen) if chosen is not None else [None] * len(sampled)
    stored = _checked(project, sampled, reasons)
    wanted = [
        item
        for group, reason in zip(sampled, reasons, strict=True)
        if group
        for item in _items(project, stored[group[0].prompt], group, reason, policy_version, priority)
    ]
    known = _asked(project, policy_version=policy_version, prompts=stored)
    items = [item for item in wanted if frozenset(each.pk for each in item.completions) not in known]
    prompt_services.create_items(project=project, items=items)
    Prompt.objects.filter(pk__in=[item.prompt.pk for item in items]).update(times_sampled=F("times_sampled") + 1)
    return len(items)


def let_go(project_id: int, *, versions: Collection[int]) -> int:
    """Take out of the queue what nobody has begun and only these versions wrote; see services.freshness."""
    return freshness.let_go(project=_project(project_id), versions=versions)


def _project(project_id: int, *, locked: bool = False) -> Project:
    projects = Project.objects.select_for_update(no_key=True) if locked else Project.objects
    project: Project | None = projects.filter(pk=project_id).first()
    if project is None:
        raise NotFound(gettext("there is no project with the id {project_id}").format(project_id=project_id))
    return project


def _checked(
    project: Project, sampled: Sequence[Sequence[Sampled]], chosen: Sequence[Chosen | None]
) -> dict[int, Prompt]:
    """The prompts by id."""
    if len(chosen) != len(sampled):
        raise ValueError(f"{len(sampled)} groups and {len(chosen)} reasons: give one for each")
    wanted = {row.prompt for group in sampled for row in group}
    stored = {row.pk: row for row in Prompt.objects.filter(project=project, pk__in=wanted)}
    if missing := wanted - stored.keys():
        raise Invalid(
            gettext("prompt {missing} is not in project {slug}").format(missing=min(missing), slug=project.slug)
        )
    if any(len({row.prompt for row in group}) > 1 for group in sampled):
        raise Invalid(
            gettext("one group has completions of two prompts: a group is judged together, give each prompt its own")
        )
    return stored


def _items(
    project: Project,
    prompt: Prompt,
    group: Sequence[Sampled],
    chosen: Chosen | None,
    policy_version: int,
    priority: int,
) -> list[NewItem]:
    completions = _store(prompt, group, policy_version)
    items = prompt_services.items_for(
        project, prompt, completions, priority=priority, policy_version=policy_version, chosen=chosen
    )
    # Asked about otherwise since it was chosen: taken apart it would be another choice, of another propensity.
    return items if chosen is None or len(items) == 1 else []


def _asked(project: Project, *, policy_version: int, prompts: Collection[int]) -> set[frozenset[int]]:
    """The sets of completions that items of this version ask about already."""
    rows = Item.objects.filter(
        project=project, policy_version=policy_version, prompt__in=prompts, purpose=Purpose.TRAINING
    )
    return {frozenset(ids) for ids in rows.annotate(ids=ArrayAgg("entries__completion")).values_list("ids", flat=True)}


def _store(prompt: Prompt, group: Sequence[Sampled], policy_version: int) -> list[Completion]:
    distinct = {row.text: row for row in group}.values()
    return prompt_services.add_completions(
        pairs=[
            (
                prompt,
                NewCompletion(
                    text=row.text,
                    policy_version=policy_version if row.policy_version is None else row.policy_version,
                    sampling=row.sampling,
                    logprob=row.logprob,
                ),
            )
            for row in distinct
        ]
    )
