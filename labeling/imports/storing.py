"""Records into the database, a batch at a time, found again when they are there already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from django.contrib.postgres.aggregates import ArrayAgg

from labeling.imports.records import Record
from labeling.imports.talking import add_conversations
from labeling.models import Item, Kind, Label, Origin, Project, Purpose
from labeling.selectors.sharing import overlap_of
from labeling.services.asked import groups_for
from labeling.services.bulk import CompletionRow, ItemRow, StoredPrompt, insert_completions, insert_items
from labeling.services.imported_labels import ImportedLabel, add_imported_labels, link_replaced
from labeling.services.imported_labels import Origin as CameFrom
from labeling.services.models import model_ids
from labeling.services.prompts import judged_row, open_slots, store_prompts
from labeling.services.tags import tag_ids, tag_prompts
from labeling.services.texts import text_digest
from labeling.services.verdicts import Verdict

IMPORTED = Origin.IMPORT.value
NAMESPACE = UUID("6f1d5c0e-3a0b-5d8e-9a57-2f6f0c4f7b11")


@dataclass(frozen=True, slots=True)
class Group:
    """A record whose prompt is stored, with the ids of its completions."""

    prompt: StoredPrompt
    completions: list[int]
    record: Record


@dataclass(slots=True)
class Stored:
    """What came of the records so far. Prompts, items for the queue, labels and conversations count when new.

    ``repeated`` counts records that were there already, ``held_out`` records whose prompt is never trained on.
    """

    prompts: int = 0
    items: int = 0
    labels: int = 0
    conversations: int = 0
    repeated: int = 0
    held_out: int = 0


@dataclass(slots=True)
class Store:
    """Writes the records of one file into one project; ``tags`` are given to every prompt of it."""

    project: Project
    source: str = ""
    tags: Sequence[str] = ()
    stored: Stored = field(default_factory=Stored)
    _seen: Counter[str] = field(default_factory=Counter)
    _tags: dict[str, int] = field(default_factory=dict)
    _models: dict[str, int] = field(default_factory=dict)
    _has_replaced: bool = False

    def add(self, records: Sequence[Record]) -> None:
        """Store a batch, as large as memory may hold: 2,000 or so."""
        prompts = store_prompts(
            project=self.project,
            prompts=[(record.prompt_digest, record.messages, record.topics) for record in records],
            source=self.source,
            sides={
                each.prompt_digest: each.told.held_out
                for each in records
                if each.told and each.told.held_out is not None
            },
        )
        new = sum(prompt.is_new for prompt in prompts.values())
        self.stored.prompts += new
        self.stored.held_out += sum(prompts[record.prompt_digest].held_out for record in records)
        self._tag(prompts, records)
        plain = [each for each in records if not each.texts and each.talk is None]
        self.stored.repeated += self._repeated(prompts, plain)
        self.stored.repeated += self._keep_talks(prompts, [each for each in records if each.talk is not None])
        groups = self._groups(prompts, [record for record in records if record.texts])
        added = self._add_items([group for group in groups if not group.record.is_judged])
        added += self._add_labels([group for group in groups if group.record.is_judged])
        self.stored.repeated += len(groups) - added

    def finish(self) -> None:
        """What can be said only when all records are stored.

        Raises:
            Invalid: a judgement was replaced by one that is not there.
        """
        if self._has_replaced:
            link_replaced(project=self.project)

    def _client_id(self, record: Record) -> UUID:
        """From the id that the judgement has wherever it goes, else from its content, and how many equal ones came."""
        if record.told is not None and record.told.key:
            return uuid5(NAMESPACE, f"{self.project.pk} key {record.told.key}")
        digest = record.digest()
        self._seen[digest] += 1
        return uuid5(NAMESPACE, f"{self.project.pk} {digest} {self._seen[digest]}")

    def _repeated(self, prompts: Mapping[str, StoredPrompt], plain: Sequence[Record]) -> int:
        """Records of a prompt alone whose prompt was there, in the database or in this batch."""
        new = {record.prompt_digest for record in plain if prompts[record.prompt_digest].is_new}
        return len(plain) - len(new)

    def _keep_talks(self, prompts: Mapping[str, StoredPrompt], talked: Sequence[Record]) -> int:
        """Keep conversations; how many of them were here already."""
        new = add_conversations(
            project=self.project, conversations=[(prompts[each.prompt_digest].id, each) for each in talked]
        )
        self.stored.conversations += new
        return len(talked) - new

    def _tag(self, prompts: Mapping[str, StoredPrompt], records: Sequence[Record]) -> None:
        tagged = [(prompts[each.prompt_digest].id, {*self.tags, *each.tags}) for each in records]
        names = {name for _, given in tagged for name in given}
        if unknown := names - self._tags.keys():
            self._tags |= tag_ids(project=self.project, names=unknown)
        tag_prompts((self._tags[name], prompt) for prompt, given in tagged for name in given)

    def _groups(self, prompts: Mapping[str, StoredPrompt], records: Sequence[Record]) -> list[Group]:
        if unknown := {name for record in records for name in record.models if name} - self._models.keys():
            self._models |= model_ids(project=self.project, names=unknown)
        rows = [row for record in records for row in self._completions(prompts[record.prompt_digest], record)]
        ids = iter(insert_completions(rows) if rows else [])
        return [Group(prompts[each.prompt_digest], [next(ids) for _ in each.texts], each) for each in records]

    def _completions(self, prompt: StoredPrompt, record: Record) -> list[CompletionRow]:
        names = self._models
        models = [names[name] if name else None for name in record.models] or [None] * len(record.texts)
        source = self.source if self.source and self.source != prompt.source else None
        return [
            CompletionRow(prompt.id, text_digest(text), IMPORTED, None, None, model, text, None, None, source)
            for text, model in zip(record.texts, models, strict=True)
        ]

    def _add_items(self, groups: Sequence[Group]) -> int:
        """Items for groups that nobody asked about before, in whatever order the completions stand."""
        if not groups:
            return 0
        asked = self._asked(groups)
        rows: list[ItemRow] = []
        completions: list[Sequence[int]] = []
        topics: list[Sequence[str]] = []
        for group in groups:
            for row, ids in self._items(group):
                if frozenset(ids) not in asked:
                    asked.add(frozenset(ids))
                    rows.append(row)
                    completions.append(ids)
                    topics.append(group.prompt.topics)
        if rows:
            items = insert_items(project_id=self.project.pk, rows=rows, completions=completions)
            open_slots(project=self.project, items=list(zip(items, rows, topics, strict=True)))
        self.stored.items += len(rows)
        return len(rows)

    def _items(self, group: Group) -> list[tuple[ItemRow, Sequence[int]]]:
        prompt, record = group.prompt, group.record
        if prompt.is_archived:
            return []
        kind, groups = groups_for(
            self.project, digest=record.prompt_digest, source=prompt.source, completions=group.completions
        )
        row = ItemRow(
            prompt.id,
            str(kind),
            Purpose.TRAINING.value,
            overlap_of(self.project, digest=record.prompt_digest, kind=kind),
            record.priority,
            None,
            0,
        )
        return [(row, ids) for ids in groups]

    def _asked(self, groups: Sequence[Group]) -> set[frozenset[int]]:
        known = {group.prompt.id for group in groups if not group.prompt.is_new}
        rows = (
            Item.objects.filter(prompt__in=known, slots__isnull=False)
            .annotate(group=ArrayAgg("entries__completion"))
            .values_list("group", flat=True)
        )
        return {frozenset(row) for row in rows} if known else set()

    def _add_labels(self, groups: Sequence[Group]) -> int:
        """Labels with client ids made from their content, so that a repeated file finds its own again.

        Equal rows of one file stay distinct: the second one has another number in its id.
        """
        wanted: dict[UUID, Group] = {}
        for group in groups:
            wanted[self._client_id(group.record)] = group
        known = set(Label.objects.filter(client_id__in=list(wanted)).values_list("client_id", flat=True))
        new = {client_id: group for client_id, group in wanted.items() if client_id not in known}
        if not new:
            return 0
        rows = [judged_row(group.prompt.id, kind=kind_of(group.record)) for group in new.values()]
        items = insert_items(
            project_id=self.project.pk,
            rows=rows,
            # What was written is no completion that the item asked about.
            completions=[[] if each.record.demonstration is not None else each.completions for each in new.values()],
        )
        labels = [
            ImportedLabel(
                item=item,
                prompt=group.prompt.id,
                kind=row.kind,
                verdict=verdict_of(group.record, group.completions),
                client_id=client_id,
                demonstration=group.completions[0] if row.kind == Kind.DEMONSTRATION else None,
                created=group.record.created,
                origin=came_from(group.record),
            )
            for item, row, (client_id, group) in zip(items, rows, new.items(), strict=True)
        ]
        self._has_replaced |= any(label.origin is not None and label.origin.replaced_by for label in labels)
        self.stored.labels += len(labels)
        return add_imported_labels(project=self.project, labels=labels)


def kind_of(record: Record) -> Kind:
    """What a record answers."""
    if record.demonstration is not None:
        return Kind.DEMONSTRATION
    if record.best is not None:
        return Kind.BEST
    if record.strength is not None or (record.told is not None and record.told.said.get("kind") == Kind.PAIR):
        return Kind.PAIR
    return Kind.RATING if record.ranks is None else Kind.RANKING


def came_from(record: Record) -> CameFrom | None:
    """What a row of an export said, but for what its label says itself."""
    told = record.told
    if told is None or not (told.key or told.said):
        return None
    kind = kind_of(record)
    said = {name: value for name, value in told.said.items() if (name, value) != ("kind", kind)}
    return CameFrom(told.key, told.replaced_by, said)


def verdict_of(record: Record, ids: Sequence[int]) -> Verdict:
    """The judgement of a record, by the ids of its completions."""
    ratings = record.ratings or (None,) * len(ids)
    return Verdict(
        ratings={pk: rating for pk, rating in zip(ids, ratings, strict=True) if rating is not None},
        ranks=dict(zip(ids, record.ranks, strict=True)) if record.ranks is not None else {},
        flags={pk: list(flags) for pk, flags in zip(ids, record.flags, strict=False)},
        best=None if record.best is None else ids[record.best],
        strength=record.strength,
        text=record.demonstration or "",
        suggestion=None if record.suggestion is None else ids[1],
        notes=record.notes,
    )
