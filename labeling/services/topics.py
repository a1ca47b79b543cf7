"""Writes of a prompt's sensitive topics, which its open slots carry too, so that the queue need not look further."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db import transaction
from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.models import Prompt, Slot, Topic, User
from labeling.models.topics import TOPICS_OF_FLAGS
from labeling.services.audit import record
from labeling.services.queue import come_back_to


def check_topics(topics: object) -> list[str]:
    """Codes of topics, each once, in the order of the list of topics.

    Args:
        topics: a list of codes, or a text with commas between them; None and nothing are no topics.

    Raises:
        Invalid: neither, or an unknown code.
    """
    if topics is None or topics == "":
        return []
    codes = [code.strip() for code in topics.strip("[] ").split(",")] if isinstance(topics, str) else topics
    if not isinstance(codes, Sequence):
        raise Invalid(
            gettext("topics is {name}, not a list of codes: use {known}").format(
                name=type(topics).__name__, known=", ".join(Topic.values)
            )
        )
    named = [code.strip("\"' ") if isinstance(code, str) else code for code in codes]
    for code in named:
        if code not in Topic.values:
            raise Invalid(
                gettext("there is no topic {code!r}: use {known}").format(code=code, known=", ".join(Topic.values))
            )
    return [topic for topic in Topic.values if topic in named]


@transaction.atomic
def set_topics(*, prompt: Prompt, topics: Collection[str], changed_by: User | None = None) -> Prompt:
    """Say which topics a prompt has, and no others.

    Raises:
        Invalid: an unknown topic.
    """
    before = Prompt.objects.select_for_update(no_key=True).get(pk=prompt.pk).topics
    stored = _store(prompt, check_topics(list(topics)))
    if stored.topics != before:
        record(
            actor=changed_by,
            project=prompt.project,
            action="prompt.topics",
            subject=f"prompt {prompt.pk}",
            before={"topics": before},
            after={"topics": stored.topics},
        )
    come_back_to(prompt_id=prompt.pk)
    return stored


@transaction.atomic
def add_topics(*, prompt: Prompt, topics: Collection[str]) -> Prompt:
    """Add topics to those that a prompt has.

    Raises:
        Invalid: an unknown topic.
    """
    locked = Prompt.objects.select_for_update(no_key=True).get(pk=prompt.pk)
    return _store(prompt, check_topics([*locked.topics, *topics]))


def topics_of_flags(flags: Iterable[str]) -> set[str]:
    """The topics that flags on completions give to their prompt."""
    return {topic for flag in flags for topic in TOPICS_OF_FLAGS.get(flag, ())}


def raise_topics(*, prompt_id: int, flags: Iterable[Collection[str]]) -> None:
    """Add the topics of what was flagged; without such a flag nothing is read or written.

    Part of recording a judgement, before its slot is touched: two people who flag completions of one prompt wait for
    each other at the prompt, and never each for a slot that the other one holds.
    """
    topics = topics_of_flags(code for codes in flags for code in codes)
    if topics:
        add_topics(prompt=Prompt(pk=prompt_id), topics=topics)


def _store(prompt: Prompt, topics: list[str]) -> Prompt:
    changed = Prompt.objects.filter(pk=prompt.pk).exclude(topics=topics).update(topics=topics)
    if changed:
        Slot.objects.filter(item__prompt=prompt.pk, is_done=False).update(topics=topics)
    prompt.topics = topics
    return prompt
