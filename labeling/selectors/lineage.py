"""Where a completion and a judgement come from, and which judgements were current at a moment: plain facts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext

from labeling.errors import NotFound
from labeling.models import Completion, Item, ItemCompletion, Label, Project, Purpose, Rank, Rating
from labeling.selectors.labels import pseudonym

MOST_JUDGEMENTS = 50


@dataclass(frozen=True, slots=True)
class Judged:
    """What one judgement said of a completion."""

    label: int
    annotator: str
    created: dt.datetime
    rank: int | None
    rating: int | None
    flags: tuple[str, ...]
    is_current: bool


@dataclass(frozen=True, slots=True)
class CompletionFacts:
    """A completion: who wrote it and how, and what people said of it (the newest judgements, and how many in all).

    Attributes:
        person: pseudonym of who wrote it; empty when a policy or an import did.
        demonstration: the judgement in which it was written.
        source: where it came from; of what was written here where the prompt did.
        model: name of the model of elsewhere that wrote it, where its file told that.
        chosen: by which rules it came to be asked about: (rule, propensity), one for each item.
    """

    id: int
    text: str
    prompt: int
    prompt_text: str
    held_out: bool
    origin: str
    policy_version: int | None
    person: str
    demonstration: int | None
    source: str
    model: str
    sampling: dict[str, Any] | None
    logprob: float | None
    created: dt.datetime
    chosen: tuple[tuple[str, float | None], ...]
    judgements: tuple[Judged, ...]
    num_judgements: int


@dataclass(frozen=True, slots=True)
class Said:
    """What a judgement says of one of its completions, and who wrote that."""

    completion: int
    text: str
    policy_version: int | None
    rank: int | None
    rating: int | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """A judgement: whose, when, of what, and whether it can have been learned from.

    Attributes:
        is_learned_from: False for blind evaluations and known answers.
        held_out: then models are checked by it and never trained on it.
    """

    id: int
    kind: str
    source: str
    annotator: str
    created: dt.datetime
    seconds: float
    guidelines_version: int | None
    prompt: int
    prompt_text: str
    held_out: bool
    is_learned_from: bool
    rule: str
    propensity: float | None
    supersedes: int | None
    superseded_by: int | None
    written: int | None
    said: tuple[Said, ...]


def completion_facts(project: Project | int, completion: int) -> CompletionFacts:
    """All that is kept of a completion.

    Raises:
        NotFound: there is none with this id in the project.
    """
    pk = _pk(project)
    row = Completion.objects.select_related("prompt", "model").filter(pk=completion, prompt__project=pk).first()
    if row is None:
        raise NotFound(gettext("there is no completion {completion} in this project").format(completion=completion))
    labels, num = _labels_of(row, pk)
    items = ItemCompletion.objects.filter(completion=row).order_by("item").values_list("item__rule", "item__propensity")
    return CompletionFacts(
        id=row.pk,
        text=row.text,
        prompt=row.prompt_id,
        prompt_text=row.prompt.last_turn,
        held_out=row.prompt.held_out,
        origin=row.origin,
        policy_version=row.policy_version,
        person=pseudonym(pk, row.author_id) if row.author_id else "",
        demonstration=Label.objects.filter(demonstration=row).order_by("id").values_list("id", flat=True).first(),
        source=row.source or row.prompt.source,
        model=row.model.name if row.model else "",
        sampling=row.sampling,
        logprob=row.logprob,
        created=row.created,
        chosen=tuple(items[:MOST_JUDGEMENTS]),
        judgements=labels,
        num_judgements=num,
    )


def _labels_of(completion: Completion, project: int) -> tuple[tuple[Judged, ...], int]:
    """The newest judgements of a completion, and how many there are."""
    judged = (
        Label.objects.filter(project=project, item__entries__completion=completion)
        .exclude(kind="demonstration")
        .order_by("-id")
    )
    labels = list(judged[:MOST_JUDGEMENTS])
    ranks = dict(Rank.objects.filter(label__in=labels, completion=completion).values_list("label", "rank"))
    ratings = {row.label_id: row for row in Rating.objects.filter(label__in=labels, completion=completion)}
    return tuple(
        Judged(
            label=label.pk,
            annotator=pseudonym(project, label.annotator_id),
            created=label.created,
            rank=ranks.get(label.pk),
            rating=ratings[label.pk].value if label.pk in ratings else None,
            flags=tuple(ratings[label.pk].flags) if label.pk in ratings else (),
            is_current=label.superseded_by_id is None,
        )
        for label in labels
    ), judged.count()


def label_facts(project: Project | int, label: int) -> LabelFacts:
    """All that is kept of a judgement.

    Raises:
        NotFound: there is none with this id in the project.
    """
    pk = _pk(project)
    row = Label.objects.select_related("item__prompt").filter(pk=label, project=pk).first()
    if row is None:
        raise NotFound(gettext("there is no judgement {label} in this project").format(label=label))
    item, prompt = row.item, row.item.prompt
    return LabelFacts(
        id=row.pk,
        kind=row.kind,
        source=row.source,
        annotator=pseudonym(pk, row.annotator_id),
        created=row.created,
        seconds=row.seconds,
        guidelines_version=row.guidelines_version,
        prompt=prompt.pk,
        prompt_text=prompt.last_turn,
        held_out=prompt.held_out,
        is_learned_from=item.purpose == Purpose.TRAINING,
        rule=item.rule,
        propensity=item.propensity,
        supersedes=Label.objects.filter(superseded_by=row).values_list("id", flat=True).first(),
        superseded_by=row.superseded_by_id,
        written=row.demonstration_id,
        said=_said(row, item),
    )


def _said(label: Label, item: Item) -> tuple[Said, ...]:
    entries = ItemCompletion.objects.filter(item=item).select_related("completion").order_by("position")
    ranks = dict(Rank.objects.filter(label=label).values_list("completion", "rank"))
    ratings = {row.completion_id: row for row in Rating.objects.filter(label=label)}
    return tuple(
        Said(
            completion=entry.completion_id,
            text=entry.completion.text,
            policy_version=entry.completion.policy_version,
            rank=ranks.get(entry.completion_id),
            rating=ratings[entry.completion_id].value if entry.completion_id in ratings else None,
            flags=tuple(ratings[entry.completion_id].flags) if entry.completion_id in ratings else (),
        )
        for entry in entries
    )


def learned_from(project: Project | int, *, up_to: int) -> QuerySet[Label]:
    """The judgements that are trained on by whatever reads those up to a label id: none of held-out prompts.

    What was revised only later counts, and the revision does not: as labeling.selectors.judgements reads them.
    """
    return Label.objects.filter(
        Q(superseded_by__isnull=True) | Q(superseded_by__gt=up_to),
        project=project,
        pk__lte=up_to,
        item__purpose=Purpose.TRAINING,
        item__prompt__held_out=False,
    )


def people_behind(project: Project | int, *, up_to: int) -> list[tuple[str, int]]:
    """Who gave the judgements that are trained on up to a label id, and how many; imports have no name."""
    pk = _pk(project)
    rows = learned_from(pk, up_to=up_to).order_by().values_list("annotator").annotate(num=Count("pk"))
    return [(pseudonym(pk, annotator), num) for annotator, num in rows.order_by("-num", F("annotator"))]


def own_share(project: Project | int, *, annotator: int, up_to: int) -> int:
    """How many of a person's judgements are trained on up to a label id; it costs no more than their own number."""
    return learned_from(project, up_to=up_to).filter(annotator=annotator).count()


def _pk(project: Project | int) -> int:
    return project if isinstance(project, int) else project.pk
