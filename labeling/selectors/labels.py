"""Reads of labels: what was decided, streamed in the order it was stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, OuterRef, QuerySet, Subquery

from labeling.models import Comparison, Completion, Item, Kind, Label, Project, Purpose, Rank, Rating, Source


@dataclass(frozen=True, slots=True)
class StoredJudgement:
    """One current label with its completions and what was decided about each, aligned by position.

    ``best`` is the position of the one picked, ``strength`` how much better the winner of a pair is (1 to 3).
    """

    label: int
    kind: str
    project: int
    prompt: int
    messages: list[dict[str, str]]
    prompt_digest: str
    held_out: bool
    topics: list[str]
    completions: list[int]
    texts: list[str]
    versions: list[int | None]
    ranks: list[int | None]
    ratings: list[int | None]
    flags: list[list[str]]
    best: int | None
    strength: int | None
    annotator: int | None
    source: str
    is_extra: bool
    notes: str
    seconds: float
    guidelines_version: int | None
    created: str


def pseudonym(project: int, annotator: int | None) -> str:
    """What an annotator is called outside: the same in one project always, another in each; empty for imports."""
    if annotator is None:
        return ""
    return f"annotator-{hashlib.sha256(f'prefloop {project} {annotator}'.encode()).hexdigest()[:10]}"


def current_labels(project: Project | int, *, purpose: str = Purpose.TRAINING) -> QuerySet[Label]:
    """Labels that no revision replaced, in the order they were stored; those of one purpose only."""
    return Label.objects.filter(project=project, superseded_by__isnull=True, item__purpose=purpose).order_by("id")


def judgements(
    project: Project | int,
    *,
    up_to: int | None = None,
    held_out: bool | None = None,
    purpose: str = Purpose.TRAINING,
    chunk: int = 500,
) -> Iterator[StoredJudgement]:
    """Stream the current labels of a project that judge completions, with constant memory.

    Those of blind evaluations are kept apart: they come when they are asked for by their purpose, and then alone.

    Args:
        up_to: the last label id to read; later ones are left out, so that a snapshot can be read again.
        held_out: only labels of held-out prompts, or only of the others.
    """
    labels = current_labels(project, purpose=purpose).exclude(kind=Kind.DEMONSTRATION)
    labels = labels.select_related("item__prompt")
    if up_to is not None:
        labels = labels.filter(pk__lte=up_to)
    if held_out is not None:
        labels = labels.filter(item__prompt__held_out=held_out)
    batch: list[Label] = []
    for label in labels.iterator(chunk_size=chunk):
        batch.append(label)
        if len(batch) == chunk:
            yield from _with_details(batch)
            batch = []
    if batch:
        yield from _with_details(batch)


def _with_details(labels: list[Label]) -> Iterator[StoredJudgement]:
    items = {label.item_id for label in labels}
    ids = [label.pk for label in labels]
    entries = dict(
        Item.objects.filter(pk__in=items)
        .annotate(ids=ArrayAgg("entries__completion", order_by="entries__position"))
        .values_list("pk", "ids")
    )
    wanted = {completion for group in entries.values() for completion in group}
    completions = {row.pk: row for row in Completion.objects.filter(pk__in=wanted).only("text", "policy_version")}
    ranks = {
        (row[0], row[1]): row[2]
        for row in Rank.objects.filter(label__in=ids).values_list("label", "completion", "rank")
    }
    ratings = {
        (row[0], row[1]): (row[2], row[3])
        for row in Rating.objects.filter(label__in=ids).values_list("label", "completion", "value", "flags")
    }
    for label in labels:
        group = entries[label.item_id]
        rated = [ratings.get((label.pk, completion), (None, [])) for completion in group]
        yield StoredJudgement(
            label=label.pk,
            kind=label.kind,
            project=label.project_id,
            prompt=label.item.prompt_id,
            messages=label.item.prompt.messages,
            prompt_digest=label.item.prompt.digest,
            held_out=label.item.prompt.held_out,
            topics=label.item.prompt.topics,
            completions=group,
            texts=[completions[completion].text for completion in group],
            versions=[completions[completion].policy_version for completion in group],
            ranks=[ranks.get((label.pk, completion)) for completion in group],
            ratings=[value for value, _ in rated],
            flags=[flags for _, flags in rated],
            best=group.index(label.best_id) if label.best_id is not None else None,
            strength=label.strength,
            annotator=label.annotator_id,
            source=label.source,
            is_extra=label.is_extra,
            notes=label.notes,
            seconds=label.seconds,
            guidelines_version=label.guidelines_version,
            created=label.created.isoformat(),
        )


@dataclass(frozen=True, slots=True)
class StoredDemonstration:
    """One current label in which somebody wrote a completion, perhaps from a suggestion."""

    label: int
    project: int
    prompt: int
    messages: list[dict[str, str]]
    prompt_digest: str
    held_out: bool
    topics: list[str]
    completion: int
    text: str
    suggestion: int | None
    suggestion_text: str | None
    annotator: int | None
    source: str
    is_extra: bool
    notes: str
    seconds: float
    guidelines_version: int | None
    created: str


def demonstrations(
    project: Project | int, *, up_to: int | None = None, held_out: bool | None = None, chunk: int = 500
) -> Iterator[StoredDemonstration]:
    """Stream what people wrote, current labels only, with constant memory; arguments as for judgements."""
    labels = current_labels(project).filter(demonstration__isnull=False)
    if up_to is not None:
        labels = labels.filter(pk__lte=up_to)
    if held_out is not None:
        labels = labels.filter(item__prompt__held_out=held_out)
    for label in labels.select_related("item__prompt", "demonstration", "suggestion").iterator(chunk_size=chunk):
        written, suggestion = label.demonstration, label.suggestion
        assert written is not None, "label_demonstration_of_its_kind"
        yield StoredDemonstration(
            label=label.pk,
            project=label.project_id,
            prompt=label.item.prompt_id,
            messages=label.item.prompt.messages,
            prompt_digest=label.item.prompt.digest,
            held_out=label.item.prompt.held_out,
            topics=label.item.prompt.topics,
            completion=written.pk,
            text=written.text,
            suggestion=label.suggestion_id,
            suggestion_text=suggestion.text if suggestion is not None else None,
            annotator=label.annotator_id,
            source=label.source,
            is_extra=label.is_extra,
            notes=label.notes,
            seconds=label.seconds,
            guidelines_version=label.guidelines_version,
            created=label.created.isoformat(),
        )


def comparisons(project: Project | int) -> QuerySet[Comparison]:
    """Comparisons of the current labels, in the order they were stored, with texts and prompts."""
    return (
        Comparison.objects.select_related("label__item__prompt", "chosen", "rejected")
        .filter(label__project=project, label__superseded_by__isnull=True, label__item__purpose=Purpose.TRAINING)
        .order_by("id")
    )


def latest_label(project: Project | int) -> int:
    """Id of the newest label of a project; 0 when there is none."""
    return Label.objects.filter(project=project).order_by("-id").values_list("id", flat=True).first() or 0


def count_labels_after(project: Project | int, label: int, *, at_most: int) -> int:
    """How many labels to learn from were made here, not imported, after one, counted to ``at_most`` and no further."""
    made_here = Label.objects.filter(project=project, pk__gt=label, item__purpose=Purpose.TRAINING)
    made_here = made_here.exclude(source=Source.IMPORT)
    return made_here[:at_most].count()


def last_seen(project: Project) -> Subquery:
    """When each member judged last, for annotating memberships."""
    return Subquery(
        Label.objects.filter(project=project, annotator=OuterRef("user")).order_by("-id").values(at=F("created"))[:1]
    )
