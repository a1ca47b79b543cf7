"""The judgements that figures of quality are computed from: the last ones of a project, as plain rows."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.db.models import F
from django.db.models.functions import Length

from labeling.models import PREFERENCES, Completion, Label, Project, Purpose, Rank, Rating, Source
from labeling.quality.judged import Judged

if TYPE_CHECKING:
    from labeling.quality.report import PersonFigures, Report

LAST = 2000
"""Judgements that a report looks back on, so that it costs the same however many there are."""
FRESH_SECONDS = 60


def quality_of(project: Project) -> Report:
    """Agreement and habits in the last `LAST` judgements of people and simulated annotators; at most a minute old."""
    from labeling.quality.report import (
        report,
    )  # numpy, and scipy where reliabilities are fitted: only those pay who ask

    key = f"quality-{project.pk}-{'-'.join(project.flags)}"
    found: Report | None = cache.get(key)
    if found is None:
        rows = recent_judgements(project)
        shown = {completion for row in rows for completion in row.order}
        lengths = dict(Completion.objects.filter(pk__in=shown).values_list("pk", Length("text")))
        found = report(rows, lengths=lengths, flags=project.flags)
        cache.set(key, found, FRESH_SECONDS)
    return found


def own_quality(project: Project, *, annotator: int) -> PersonFigures | None:
    """What the report says of one person; None when none of the last judgements are theirs."""
    return next((person for person in quality_of(project).people if person.annotator == annotator), None)


def recent_judgements(project: Project | int, *, last: int = LAST, with_known: bool = False) -> list[Judged]:
    """The last judgements that stand, blind evaluations included; three queries.

    Demonstrations, imports and decisions of reviewers are left out. Those of items with known answers would weigh too
    much, because everybody judges them: they come when asked for.
    """
    current = Label.objects.filter(project=project, superseded_by__isnull=True, kind__in=PREFERENCES)
    if not with_known:
        current = current.exclude(item__purpose=Purpose.KNOWN)
    labels = list(
        current.exclude(source__in=[Source.IMPORT, Source.REVIEW])
        .order_by("-id")
        .values("pk", "item", "annotator", "best", "seconds", prompt=F("item__prompt"), shown=F("assignment__order"))[
            :last
        ]
    )
    ids = [label["pk"] for label in labels]
    ranks: dict[int, dict[int, int]] = defaultdict(dict)
    for label, completion, rank in Rank.objects.filter(label__in=ids).values_list("label", "completion", "rank"):
        ranks[label][completion] = rank
    ratings: dict[int, dict[int, int]] = defaultdict(dict)
    flags: dict[int, dict[int, frozenset[str]]] = defaultdict(dict)
    rated = Rating.objects.filter(label__in=ids).values_list("label", "completion", "value", "flags")
    for label, completion, value, raised in rated:
        if value is not None:
            ratings[label][completion] = value
        if raised:
            flags[label][completion] = frozenset(raised)
    return [
        Judged(
            item=label["item"],
            prompt=label["prompt"],
            annotator=label["annotator"],
            order=tuple(label["shown"]),
            ranks=ranks[label["pk"]],
            ratings=ratings[label["pk"]],
            flags=flags[label["pk"]],
            best=label["best"],
            seconds=label["seconds"],
        )
        for label in labels
    ]
