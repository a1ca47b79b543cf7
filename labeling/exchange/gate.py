"""The part of the exchange that the gate of policies passes through: pairs, flags, and the regression set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from labeling.exchange import completions as queue
from labeling.exchange.records import PromptRecord, Sampled
from labeling.models import Completion, Flag, Project, Prompt
from labeling.models.flags import HARMFUL
from labeling.selectors.gate_pairs import JudgedPair, judged_pairs, judgements_of, newest_item, open_pairs
from labeling.services.gate_pairs import AskedPair, ask_pairs
from labeling.services.gate_pairs import withdraw as withdraw_items
from labeling.services.prompts import NewCompletion, add_completions

__all__ = [
    "AskedPair",
    "FlagGroup",
    "JudgedPair",
    "ask_about_pairs",
    "ask_again",
    "flag_groups",
    "gate_prompts",
    "judged_pairs",
    "judgements_of",
    "newest_item",
    "open_pairs",
    "tagged_prompts",
    "withdraw",
]


@dataclass(frozen=True, slots=True)
class FlagGroup:
    """Flags that say the same of a policy: ``harmful``, ``untruthful`` or ``instruction``; no codes: not asked."""

    name: str
    codes: frozenset[str]


@transaction.atomic
def ask_about_pairs(*, project_id: int, pairs: Sequence[Mapping[int, Sampled]], priority: int) -> list[AskedPair]:
    """Store what two versions wrote for held-out prompts, and ask one person about each pair.

    Args:
        pairs: for each prompt drawn, what each version wrote, by version.
    """
    project = Project.objects.get(pk=project_id)
    stored = Prompt.objects.in_bulk({row.prompt for pair in pairs for row in pair.values()})
    flat = [(version, row) for pair in pairs for version, row in sorted(pair.items())]
    completions = add_completions(
        pairs=[
            (
                stored[row.prompt],
                NewCompletion(text=row.text, policy_version=version, sampling=row.sampling, logprob=row.logprob),
            )
            for version, row in flat
        ]
    )
    two = zip(completions[::2], completions[1::2], strict=True)
    return ask_pairs(
        project=project,
        pairs=[(stored[first.prompt_id], first, second) for first, second in two],
        priority=priority,
    )


def ask_again(*, project_id: int, items: Collection[int], policy_version: int, priority: int) -> int:
    """Ask about the completions of pairs once more, as the project asks about what policies write; how many items.

    Twice is harmless.

    Args:
        policy_version: for whose sake it is asked.
    """
    rows = Completion.objects.filter(entries__item__in=items, entries__item__project=project_id)
    groups: dict[int, list[Sampled]] = {}
    for item, row in ((each.of_item, each) for each in rows.annotate(of_item=F("entries__item")).order_by("pk")):
        groups.setdefault(item, []).append(
            Sampled(
                prompt=row.prompt_id,
                text=row.text,
                logprob=row.logprob or 0.0,
                sampling=row.sampling or {},
                policy_version=row.policy_version,
            )
        )
    together = list(groups.values())
    return queue.add_completions(
        project_id=project_id, policy_version=policy_version, sampled=together, priority=priority
    )


def withdraw(*, project_id: int, items: Collection[int]) -> int:
    """Take those of the items out of the queue that nobody has begun; how many left."""
    return withdraw_items(project=Project.objects.get(pk=project_id), items=items)


def flag_groups(project_id: int) -> list[FlagGroup]:
    """The flags of a project by what they say of a policy; its own ones count where they are harmful."""
    project = Project.objects.get(pk=project_id)
    asked = set(project.flags)
    own = {each["code"] for each in project.own_flags if each["is_harmful"]}
    groups = {
        "harmful": {*HARMFUL, *own},
        "untruthful": {Flag.HALLUCINATION.value},
        "instruction": {Flag.FAILS_TASK.value},
    }
    return [FlagGroup(name, frozenset(str(code) for code in codes & asked)) for name, codes in groups.items()]


def gate_prompts(project_id: int, *, limit: int) -> list[PromptRecord]:
    """The prompts that a gate draws from: the held-out ones, by their digests; archived ones left out."""
    rows = Prompt.objects.filter(project=project_id, held_out=True, is_archived=False)
    return [_record(row) for row in rows.order_by("digest")[:limit]]


def tagged_prompts(project_id: int, tag: str, *, limit: int) -> list[PromptRecord]:
    """Prompts that have a tag, by their digests; archived ones left out."""
    rows = Prompt.objects.filter(project=project_id, tags__project=project_id, tags__name=tag, is_archived=False)
    return [_record(row) for row in rows.order_by("digest")[:limit]]


def _record(prompt: Prompt) -> PromptRecord:
    return PromptRecord(
        id=prompt.pk,
        digest=prompt.digest,
        messages=tuple((message["role"], message["content"]) for message in prompt.messages),
        held_out=prompt.held_out,
    )
