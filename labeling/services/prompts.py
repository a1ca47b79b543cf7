"""Writes of prompts, completions and items: in bulk, idempotent by digest, one transaction each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Invalid
from labeling.models import (
    TURN_SOURCE,
    Completion,
    Item,
    ItemCompletion,
    Kind,
    Origin,
    Project,
    Prompt,
    Purpose,
    Slot,
    User,
)
from labeling.services.texts import check_messages, check_text, is_held_out, messages_digest, text_digest
from labeling.services.topics import add_topics

MOST_KINDS = (2, 9)
NUM_COMPLETIONS: dict[str, tuple[int, int]] = {
    Kind.RATING: (1, 9),
    Kind.PAIR: (2, 2),
    Kind.DEMONSTRATION: (0, 9),
    Kind.CONVERSATION: (0, 9),
}
"""Completions that an item of a kind asks about, or suggests, where it is not 2 to 9."""


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
    by_digest = {messages_digest(messages): messages for messages in checked}
    existing = set(Prompt.objects.filter(project=project, digest__in=by_digest).values_list("digest", flat=True))
    Prompt.objects.bulk_create(
        [
            Prompt(
                project=project,
                messages=messages,
                digest=digest,
                held_out=(is_held_out(digest, percent=project.held_out_percent) if held_out is None else held_out),
                source=source,
            )
            for digest, messages in by_digest.items()
            if digest not in existing
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )
    stored = {prompt.digest: prompt for prompt in Prompt.objects.filter(project=project, digest__in=by_digest)}
    for messages, named in sorted(zip(checked, topics or [], strict=False), key=lambda pair: messages_digest(pair[0])):
        prompt = stored[messages_digest(messages)]
        if not set(named) <= set(prompt.topics):
            add_topics(prompt=prompt, topics=named)
    return [stored[messages_digest(messages)] for messages in checked], len(by_digest) - len(existing)


@transaction.atomic
def add_completions(*, pairs: Sequence[tuple[Prompt, NewCompletion]]) -> list[Completion]:
    """Store completions; one that the same writer already gave to the same prompt is found, not doubled.

    Returns:
        One stored completion for each pair, in their order.

    Raises:
        Invalid: a text that the database can't hold.
    """
    rows = [
        Completion(
            prompt=prompt,
            text=check_text(new.text, name="a completion"),
            digest=text_digest(new.text),
            origin=new.origin,
            policy_version=new.policy_version,
            author=new.author,
            sampling=new.sampling,
            logprob=new.logprob,
        )
        for prompt, new in pairs
    ]
    Completion.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    stored = {
        _identity(completion): completion
        for completion in Completion.objects.filter(
            prompt__in={row.prompt_id for row in rows}, digest__in={row.digest for row in rows}
        )
    }
    return [stored[_identity(row)] for row in rows]


def _identity(completion: Completion) -> tuple[Any, ...]:
    return (
        completion.prompt_id,
        completion.digest,
        str(completion.origin),
        completion.policy_version,
        completion.author_id,
    )


def items_for(
    project: Project,
    prompt: Prompt,
    completions: Sequence[Completion],
    *,
    priority: int = 0,
    policy_version: int | None = None,
) -> list[NewItem]:
    """What the project asks about a group of completions: its kinds take turns, by prompt and by policy version.

    A pair is asked about two at a time. A group that is too small for its kind gives nothing.
    """
    turn = int(prompt.digest[:8], 16) + (policy_version or 0)  # the same at every call, so that repeating adds nothing
    # A turn of a conversation is judged otherwise: a conversation of each of its turns would have no end.
    kinds = [kind for kind in project.kinds if kind != Kind.CONVERSATION or prompt.source != TURN_SOURCE]
    if not kinds:
        return []
    kind = kinds[turn % len(kinds)]
    least, most = NUM_COMPLETIONS.get(kind, MOST_KINDS)
    groups = [completions[start : start + most] for start in range(0, len(completions), most)]
    return [
        NewItem(prompt=prompt, completions=group, priority=priority, policy_version=policy_version, kind=kind)
        for group in groups
        if len(group) >= max(least, 1)
    ]


@transaction.atomic
def create_items(*, project: Project, items: Sequence[NewItem]) -> list[Item]:
    """Put items into the queue, each with as many slots as it wants judgements.

    Raises:
        Invalid: completions of another prompt, the same completion twice, or fewer than 2 or more than 9 of them.
    """
    for new in items:
        check_item(new, project)
    # This locks the project until the end: of its slots those with higher ids are seen later, which passages rely on.
    num_slots = sum(new.overlap or project.overlap for new in items)
    Project.objects.filter(pk=project.pk).update(num_slots=F("num_slots") + num_slots)
    rows = Item.objects.bulk_create(
        [
            Item(
                project=project,
                prompt=new.prompt,
                kind=new.kind,
                purpose=new.purpose,
                overlap=new.overlap or project.overlap,
                priority=new.priority,
                policy_version=new.policy_version,
            )
            for new in items
        ],
        batch_size=1000,
    )
    add_entries(rows, [new.completions for new in items])
    slots = [
        Slot(item=row, project=project, number=number, priority=row.priority, topics=new.prompt.topics)
        for row, new in zip(rows, items, strict=True)
        for number in range(row.overlap)
    ]
    Slot.objects.bulk_create(slots, batch_size=2000)
    events.publish(project.slug, "items", added=len(rows))
    return rows


@transaction.atomic
def create_judged_items(*, project: Project, items: Sequence[NewItem]) -> list[Item]:
    """Items that nobody is asked about, since they are decided: overlap 1, no slots, never in the queue.

    Raises:
        Invalid: as in create_items.
    """
    for new in items:
        check_item(new, project)
    rows = Item.objects.bulk_create(
        [
            Item(project=project, prompt=new.prompt, kind=new.kind, purpose=new.purpose, overlap=1, num_judgements=1)
            for new in items
        ],
        batch_size=1000,
    )
    add_entries(rows, [new.completions for new in items])
    return rows


def add_entries(items: Sequence[Item], completions: Sequence[Sequence[Completion]]) -> None:
    """Say which completions the items ask about; part of creating them."""
    ItemCompletion.objects.bulk_create(
        [
            ItemCompletion(item=item, completion=completion, position=position)
            for item, group in zip(items, completions, strict=True)
            for position, completion in enumerate(group)
        ],
        batch_size=2000,
    )


def check_item(new: NewItem, project: Project) -> None:
    """Refuse an item that could not be judged; see create_items."""
    ids = [completion.pk for completion in new.completions]
    if new.prompt.project_id != project.pk:
        raise Invalid(gettext("{prompt} belongs to another project").format(prompt=new.prompt))
    least, most = NUM_COMPLETIONS.get(new.kind, MOST_KINDS)
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
