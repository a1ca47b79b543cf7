"""Records into the database, a batch at a time, found again when they are there already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from django.contrib.postgres.aggregates import ArrayAgg

from labeling.imports.records import Record
from labeling.models import Completion, Item, Kind, Label, Project, Prompt
from labeling.services.labels import add_imported_labels
from labeling.services.prompts import (
    NewCompletion,
    NewItem,
    add_completions,
    add_prompts,
    create_items,
    create_judged_items,
    items_for,
)
from labeling.services.verdicts import Verdict

NAMESPACE = UUID("6f1d5c0e-3a0b-5d8e-9a57-2f6f0c4f7b11")


Group = tuple[Prompt, list[Completion], Record]


@dataclass(slots=True)
class Stored:
    """What came of the records so far. Prompts, items for the queue and labels count when they are new.

    ``repeated`` counts records that were there already, ``held_out`` records whose prompt is never trained on.
    """

    prompts: int = 0
    items: int = 0
    labels: int = 0
    repeated: int = 0
    held_out: int = 0


@dataclass(slots=True)
class Store:
    """Writes the records of one file into one project."""

    project: Project
    source: str = ""
    stored: Stored = field(default_factory=Stored)
    _seen: Counter[str] = field(default_factory=Counter)

    def add(self, records: Sequence[Record]) -> list[Prompt]:
        """Store a batch, as large as memory may hold: 1,000 or so.

        Returns:
            The prompts, those without completions first.
        """
        plain = [record for record in records if not record.completions]
        prompts, new = self._prompts(plain)
        self.stored.repeated += len(plain) - new
        groups = self._groups([record for record in records if record.completions])
        if groups:
            added = self._add_items([group for group in groups if not group[2].is_judged])
            added += self._add_labels([group for group in groups if group[2].is_judged])
            self.stored.repeated += len(groups) - added
        return prompts + [group[0] for group in groups]

    def _prompts(self, records: Sequence[Record]) -> tuple[list[Prompt], int]:
        if not records:
            return [], 0
        messages = [record.messages for record in records]
        prompts, new = add_prompts(
            project=self.project,
            prompts=messages,
            source=self.source,
            topics=[record.topics for record in records],
        )
        self.stored.prompts += new
        self.stored.held_out += sum(prompt.held_out for prompt in prompts)
        return prompts, new

    def _groups(self, records: Sequence[Record]) -> list[Group]:
        if not records:
            return []
        prompts, _ = self._prompts(records)
        stored = iter(
            add_completions(
                pairs=[
                    (prompt, NewCompletion(text=text))
                    for prompt, record in zip(prompts, records, strict=True)
                    for text in record.completions
                ]
            )
        )
        return [
            (prompt, [next(stored) for _ in record.completions], record)
            for prompt, record in zip(prompts, records, strict=True)
        ]

    def _add_items(self, groups: Sequence[Group]) -> int:
        """Items for groups that nobody asked about before, in whatever order the completions stand."""
        asked = self._asked(groups)
        new = []
        for prompt, completions, _ in groups:
            for item in items_for(self.project, prompt, completions):
                key = frozenset(completion.pk for completion in item.completions)
                if key not in asked:
                    asked.add(key)
                    new.append(item)
        if new:
            create_items(project=self.project, items=new)
        self.stored.items += len(new)
        return len(new)

    def _asked(self, groups: Sequence[Group]) -> set[frozenset[int]]:
        rows = (
            Item.objects.filter(prompt__in={prompt.pk for prompt, _, _ in groups}, slots__isnull=False)
            .annotate(group=ArrayAgg("entries__completion"))
            .values_list("group", flat=True)
        )
        return {frozenset(row) for row in rows}

    def _add_labels(self, groups: Sequence[Group]) -> int:
        """Labels with client ids made from their content, so that a repeated file finds its own again.

        Equal rows of one file stay distinct: the second one has another number in its id.
        """
        wanted: dict[UUID, Group] = {}
        for group in groups:
            digest = group[2].digest()
            self._seen[digest] += 1
            wanted[uuid5(NAMESPACE, f"{self.project.pk} {digest} {self._seen[digest]}")] = group
        known = set(Label.objects.filter(client_id__in=wanted).values_list("client_id", flat=True))
        new = {client_id: group for client_id, group in wanted.items() if client_id not in known}
        if not new:
            return 0
        items = create_judged_items(
            project=self.project,
            items=[
                NewItem(prompt=prompt, completions=completions, kind=kind_of(record))
                for prompt, completions, record in new.values()
            ],
        )
        labels = [
            (item, verdict_of(record, completions), client_id)
            for item, (client_id, (_, completions, record)) in zip(items, new.items(), strict=True)
        ]
        self.stored.labels += len(labels)
        return add_imported_labels(project=self.project, labels=labels)


def kind_of(record: Record) -> Kind:
    """What a record answers."""
    if record.best is not None:
        return Kind.BEST
    return Kind.RATING if record.ranks is None else Kind.RANKING


def verdict_of(record: Record, completions: Sequence[Completion]) -> Verdict:
    """The judgement of a record, by completion id."""
    ids = [completion.pk for completion in completions]
    ratings = record.ratings or (None,) * len(ids)
    return Verdict(
        ratings={pk: rating for pk, rating in zip(ids, ratings, strict=True) if rating is not None},
        ranks=dict(zip(ids, record.ranks, strict=True)) if record.ranks is not None else {},
        flags={pk: list(flags) for pk, flags in zip(ids, record.flags, strict=False)},
        best=None if record.best is None else ids[record.best],
        notes=record.notes,
    )
