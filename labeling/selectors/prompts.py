"""Reads of prompts and their completions."""

from __future__ import annotations

from typing import Any

from django.db.models import Avg, Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from labeling.models import Completion, Item, Label, Project, Prompt


def prompts(project: Project, *, search: str = "") -> QuerySet[Prompt]:
    """A project's prompts with how many completions and items each has, the newest first."""
    rows = Prompt.objects.filter(project=project)
    if search:
        rows = rows.filter(messages__icontains=search)
    # Counted row by row for the page that is shown, not by joining and grouping the whole project.
    return rows.annotate(
        num_completions=_count(Completion.objects.filter(prompt=OuterRef("pk"))),
        num_items=_count(Item.objects.filter(prompt=OuterRef("pk"))),
    ).order_by("-id")


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("prompt").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def prompts_to_sample(project_id: int, *, limit: int, held_out: bool = False) -> QuerySet[Prompt]:
    """Prompts that the policy writes for next: those sampled least, the oldest first."""
    return Prompt.objects.filter(project=project_id, held_out=held_out, is_archived=False).order_by(
        "times_sampled", "id"
    )[:limit]


def completions_of(prompt: Prompt) -> QuerySet[Completion]:
    """A prompt's completions, the newest version first."""
    return Completion.objects.filter(prompt=prompt).order_by("-policy_version", "id")


def judged_completions(prompt: Prompt) -> QuerySet[Completion]:
    """A prompt's completions with how they were rated by current labels, the newest version first."""
    current = Q(ratings__label__superseded_by__isnull=True)
    return completions_of(prompt).annotate(
        mean_rating=Avg("ratings__value", filter=current), num_ratings=Count("ratings__value", filter=current)
    )


def judgements_of(prompt: Prompt) -> QuerySet[Label]:
    """The current labels of a prompt's items with ranks and ratings, the newest first."""
    return (
        Label.objects.select_related("annotator")
        .prefetch_related("ranks", "ratings")
        .filter(item__prompt=prompt, superseded_by__isnull=True)
        .order_by("-id")
    )
