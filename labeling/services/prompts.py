"""Writes of prompts, completions and items: in bulk, idempotent by digest, one transaction each."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Invalid
from labeling.models import Completion, Item, Kind, Origin, Project, Prompt, Purpose, User
from labeling.selectors.sharing import overlap_of
from labeling.services.asked import HowChosen, columns_of, groups_for, num_completions
from labeling.services.bulk import (
    CompletionRow,
    ItemRow,
    PromptRow,
    SlotRow,
    StoredPrompt,
    insert_completions,
    insert_entries,
    insert_items,
    insert_prompts,
    insert_slots,
)
from labeling.services.texts import Messages, check_messages, check_text, is_held_out, messages_digest, text_digest
from labeling.services.topics import add_topics, check_topics


@dataclass(frozen=True, slots=True)
class NewCompletion:
    """A completion to be stored, and who wrote it (policy version, person, or neither: an import)."""

    text: str
    policy_version: int | None = None
    author: User | None = None
    sampling: dict[str, Any] | None = None
    logprob: float | None = None

    @property
    def origin(self) -> Origin:
        """Who wrote it, as stored."""
        if self.policy_version is not None:
            return Origin.POLICY
        return Origin.PERSON if self.author is not None else Origin.IMPORT


@dataclass(frozen=True, slots=True)
class NewItem:
    """A prompt with the completions that people are to judge."""

    prompt: Prompt
    completions: Sequence[Completion]
    overlap: int | None = None
    priority: int = 0
    policy_version: int | None = None
    kind: str = Kind.RANKING
    purpose: str = Purpose.TRAINING
    chosen: HowChosen | None = None


@transaction.atomic
def add_prompts(
    *,
    project: Project,
    prompts: Sequence[object],
    source: str = "",
    topics: Sequence[Sequence[str]] | None = None,
    held_out: bool | None = None,
) -> tuple[list[Prompt], int]:
    """Store prompts that are new to the project.

    Args:
        prompts: texts or lists of messages.
        topics: the sensitive topics of each; one that is stored already keeps its own beside them.
        held_out: the side of those that go on from another prompt, which is that one's; None: decided by their digest.

    Returns:
        One stored prompt for each given one, in their order, and how many of them were new.

    Raises:
        Invalid: one of them breaks a rule of texts.check_messages.
    """
    checked = [check_messages(messages) for messages in prompts]
    digests = [messages_digest(messages) for messages in checked]
    given = zip(digests, checked, topics or [()] * len(checked), strict=False)
    stored = store_prompts(project=project, prompts=list(given), source=source, held_out=held_out)
    instances = {prompt.digest: prompt for prompt in Prompt.objects.filter(pk__in=[row.id for row in stored.values()])}
    return [instances[digest] for digest in digests], sum(row.is_new for row in stored.values())


def store_prompts(
    *,
    project: Project,
    prompts: Sequence[tuple[str, Messages, Collection[str]]],
    source: str = "",
    held_out: bool | None = None,
    sides: Mapping[str, bool] | None = None,
) -> dict[str, StoredPrompt]:
    """Store checked prompts: their digests, messages and topics; part of add_prompts and of imports.

    Args:
        sides: of prompts of another project, by their digests: whether they were held out there.
    """
    topics: dict[str, list[str]] = {}
    for digest, _, named in prompts:
        topics[digest] = check_topics([*topics.get(digest, ()), *named]) if named else topics.get(digest, [])
    percent, known = project.held_out_percent, sides or {}
    rows = [
        PromptRow(
            digest=digest,
            messages=messages,
            held_out=known.get(digest, is_held_out(digest, percent=percent)) if held_out is None else held_out,
            topics=" ".join(topics[digest]),
        )
        for digest, messages, _ in prompts
    ]
    stored = insert_prompts(project_id=project.pk, source=source, rows=rows)
    for digest in sorted(digest for digest, row in stored.items() if not set(topics[digest]) <= set(row.topics)):
        found = add_topics(prompt=Prompt(pk=stored[digest].id), topics=topics[digest])
        stored[digest] = replace(stored[digest], topics=found.topics)
    return stored


@transaction.atomic
def add_completions(*, pairs: Sequence[tuple[Prompt, NewCompletion]]) -> list[Completion]:
    """Store completions; one that the same writer already gave to the same prompt is found, not doubled.

    Returns:
        One stored completion for each pair, in their order.

    Raises:
        Invalid: a text that the database can't hold.
    """
    ids = insert_completions([_completion_row(prompt, new) for prompt, new in pairs])
    stored = Completion.objects.in_bulk(ids)
    return [stored[pk] for pk in ids]


def _completion_row(prompt: Prompt, new: NewCompletion) -> CompletionRow:
    return CompletionRow(
        prompt=prompt.pk,
        digest=text_digest(check_text(new.text, name="a completion")),
        origin=new.origin.value,
        policy_version=new.policy_version,
        author=None if new.author is None else new.author.pk,
        model=None,
        text=new.text,
        sampling=None if new.sampling is None else json.dumps(new.sampling),
        logprob=new.logprob,
    )


def items_for(
    project: Project,
    prompt: Prompt,
    completions: Sequence[Completion],
    *,
    priority: int = 0,
    policy_version: int | None = None,
    chosen: HowChosen | None = None,
) -> list[NewItem]:
    """What the project asks about a group of completions: its kinds take turns, by prompt and by policy version.

    A pair is asked about two at a time. A group that is too small for its kind gives nothing, nor does an archived
    prompt.
    """
    if prompt.is_archived:
        return []
    kind, groups = groups_for(
        project, digest=prompt.digest, source=prompt.source, completions=completions, policy_version=policy_version
    )
    return [
        NewItem(
            prompt=prompt,
            completions=group,
            priority=priority,
            policy_version=policy_version,
            kind=kind,
            chosen=chosen,
        )
        for group in groups
    ]


@transaction.atomic
def create_items(*, project: Project, items: Sequence[NewItem]) -> list[Item]:
    """Put items into the queue, each with as many slots as it wants judgements.

    Raises:
        Invalid: completions of another prompt, the same completion twice, or fewer than 2 or more than 9 of them.
    """
    for new in items:
        check_item(new, project)
    rows = [
        ItemRow(
            prompt=new.prompt.pk,
            kind=str(new.kind),
            purpose=str(new.purpose),
            overlap=new.overlap or overlap_of(project, digest=new.prompt.digest, kind=new.kind, purpose=new.purpose),
            priority=new.priority,
            policy_version=new.policy_version,
            num_judgements=0,
            **columns_of(new.chosen),
        )
        for new in items
    ]
    ids = insert_items(project_id=project.pk, rows=rows, completions=_ids(new.completions for new in items))
    open_slots(
        project=project, items=[(pk, row, new.prompt.topics) for pk, row, new in zip(ids, rows, items, strict=True)]
    )
    return _instances(ids)


def open_slots(*, project: Project, items: Sequence[tuple[int, ItemRow, Sequence[str]]]) -> None:
    """Put stored items into the queue; part of creating them.

    Args:
        items: their ids, what was stored, and the topics of their prompts.
    """
    # This locks the project until the end: of its slots those with higher ids are seen later, which passages rely on.
    num_slots = sum(row.overlap for _, row, _ in items)
    Project.objects.filter(pk=project.pk).update(num_slots=F("num_slots") + num_slots)
    slots = [
        SlotRow(item=pk, number=number, priority=row.priority, topics=" ".join(topics))
        for pk, row, topics in items
        for number in range(row.overlap)
    ]
    insert_slots(project_id=project.pk, rows=slots)
    events.publish(project.slug, "items", added=len(items))


@transaction.atomic
def create_judged_items(*, project: Project, items: Sequence[NewItem]) -> list[Item]:
    """Items that nobody is asked about, since they are decided: overlap 1, no slots, never in the queue.

    Raises:
        Invalid: as in create_items.
    """
    for new in items:
        check_item(new, project)
    rows = [judged_row(new.prompt.pk, kind=new.kind, purpose=new.purpose) for new in items]
    return _instances(
        insert_items(project_id=project.pk, rows=rows, completions=_ids(new.completions for new in items))
    )


def judged_row(prompt_id: int, *, kind: str, purpose: str = Purpose.TRAINING) -> ItemRow:
    """An item that is decided."""
    return ItemRow(prompt_id, str(kind), str(purpose), overlap=1, priority=0, policy_version=None, num_judgements=1)


def add_entries(items: Sequence[Item], completions: Sequence[Sequence[Completion]]) -> None:
    """Say which completions the items ask about; part of creating them."""
    insert_entries([item.pk for item in items], _ids(completions))


def _ids(groups: Iterable[Sequence[Completion]]) -> list[list[int]]:
    return [[completion.pk for completion in group] for group in groups]


def _instances(ids: Sequence[int]) -> list[Item]:
    stored = Item.objects.in_bulk(ids)
    return [stored[pk] for pk in ids]


def check_item(new: NewItem, project: Project) -> None:
    """Refuse an item that could not be judged; see create_items."""
    ids = [completion.pk for completion in new.completions]
    if new.prompt.project_id != project.pk:
        raise Invalid(gettext("{prompt} belongs to another project").format(prompt=new.prompt))
    least, most = num_completions(new.kind)
    if not least <= len(ids) <= most:
        raise Invalid(
            gettext("an item of kind {kind} asks about {least} to {most} completions, not {count}").format(
                kind=new.kind, least=least, most=most, count=len(ids)
            )
        )
    if len(set(ids)) < len(ids):
        raise Invalid(gettext("an item of {prompt} names the same completion twice").format(prompt=new.prompt))
    if any(completion.prompt_id != new.prompt.pk for completion in new.completions):
        raise Invalid(gettext("an item of {prompt} names a completion of another prompt").format(prompt=new.prompt))
