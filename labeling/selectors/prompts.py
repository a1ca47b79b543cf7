"""Reads of prompts and their completions."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.search import SearchQuery
from django.db.models import Avg, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from labeling.models import Completion, Item, Kind, Label, Project, Prompt, PromptTag, Tag
from labeling.models.keys import KEY
from labeling.models.prompts import prompt_words

MAX_SOURCES = 200
PARTS = re.compile(r'"([^"]*)"?|([^\s"]+)')


@dataclass(frozen=True, slots=True)
class PromptFilter:
    """Which prompts of a project; what is empty or None lets all through.

    ``search`` is words, each the beginning of one, or phrases in quotation marks, or the id that an export gives a
    prompt or a completion; ``archived`` None is both.
    """

    search: str = ""
    tag: str = ""
    source: str = ""
    topic: str = ""
    held_out: bool | None = None
    has_items: bool | None = None
    has_demonstrations: bool | None = None
    archived: bool | None = False

    def chosen(self) -> dict[str, str | bool | None]:
        """What is not as it is by default."""
        return {
            each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name) != each.default
        }


def find_prompts(project: Project, wanted: PromptFilter) -> QuerySet[Prompt]:
    """The prompts that a filter lets through, in no order."""
    rows = Prompt.objects.filter(project=project)
    if wanted.search:
        query = SearchQuery(as_tsquery(wanted.search), config="simple", search_type="raw")
        condition = Q(words=query)
        if re.fullmatch(KEY, wanted.search.strip()):
            condition |= _called(wanted.search.strip())
        rows = rows.alias(words=prompt_words(F("messages"))).filter(condition)
    if wanted.tag:
        rows = rows.filter(tag_entries__tag__project=project, tag_entries__tag__name=wanted.tag)
    exact = {
        "source": wanted.source or None,
        "topics__contains": [wanted.topic] if wanted.topic else None,
        "held_out": wanted.held_out,
        "is_archived": wanted.archived,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
    items = Item.objects.filter(prompt=OuterRef("pk"))
    written = items.filter(kind=Kind.DEMONSTRATION, num_judgements__gt=0)
    for found, is_so in ((items, wanted.has_items), (written, wanted.has_demonstrations)):
        if is_so is not None:
            rows = rows.filter(Exists(found) if is_so else ~Exists(found))
    return rows


def _called(key: str) -> Q:
    """Prompts that exports call so (stored.prompt_key), or one of whose completions they call so (8 digits of each)."""
    written = Completion.objects.filter(_begins(key[8:]), prompt=OuterRef("pk"))
    return _begins(key) | _begins(key[:8]) & Q(Exists(written))


def _begins(digits: str) -> Q:
    """By the index of digests, whatever the order of letters in the database is: no digit of a digest is a g."""
    return Q(digest__gte=digits, digest__lt=f"{digits}g")


def as_tsquery(search: str) -> str:
    """What somebody typed as PostgreSQL's search reads it: every word begins so, a phrase stands so."""
    found = []
    for phrase, word in PARTS.findall(search):
        words = [_quoted(each) for each in (phrase or word).split()]
        found += [" <-> ".join(words)] if phrase and words else [f"{each}:*" for each in words]
    return " & ".join(f"({each})" for each in found)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def prompts(project: Project, wanted: PromptFilter | None = None) -> QuerySet[Prompt]:
    """Prompts with how many completions and items each has and the names of its tags, the newest first."""
    # Counted row by row for the page that is shown, not by joining and grouping the whole project.
    names = PromptTag.objects.filter(prompt=OuterRef("pk")).order_by().values("prompt")
    return (
        find_prompts(project, wanted or PromptFilter(archived=None))
        .annotate(
            num_completions=_count(Completion.objects.filter(prompt=OuterRef("pk"))),
            num_items=_count(Item.objects.filter(prompt=OuterRef("pk"))),
            tag_names=Subquery(names.annotate(names=ArrayAgg("tag__name", order_by="tag__name")).values("names")),
        )
        .order_by("-id")
    )


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("prompt").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def tag_names(project: Project) -> list[str]:
    """The tags of a project, by name."""
    return list(Tag.objects.filter(project=project).order_by("name").values_list("name", flat=True))


def sources(project: Project) -> list[str]:
    """Where a project's prompts came from, by name, the first 200: a step in an index for each, not a look at all."""
    rows = Prompt.objects.raw(SOURCES, {"project": project.pk, "most": MAX_SOURCES})
    return [row.source for row in rows if row.source]


SOURCES = """
WITH RECURSIVE found AS (
    (SELECT 0::bigint AS id, source, 1 AS n FROM labeling_prompt WHERE project_id = %(project)s
     ORDER BY source LIMIT 1)
    UNION ALL
    SELECT 0::bigint, following.source, found.n + 1 FROM found CROSS JOIN LATERAL (
        SELECT source FROM labeling_prompt WHERE project_id = %(project)s AND source > found.source
        ORDER BY source LIMIT 1
    ) following WHERE found.n <= %(most)s
)
SELECT id, source FROM found
"""


def prompts_to_sample(project_id: int, *, limit: int, held_out: bool = False) -> QuerySet[Prompt]:
    """Prompts that the policy writes for next: those sampled least, the oldest first; no archived ones."""
    rows = Prompt.objects.filter(project=project_id, held_out=held_out, is_archived=False)
    return rows.order_by("times_sampled", "id")[:limit]


def completions_of(prompt: Prompt) -> QuerySet[Completion]:
    """A prompt's completions, the newest version first."""
    return Completion.objects.filter(prompt=prompt).order_by("-policy_version", "id")


def judged_completions(prompt: Prompt) -> QuerySet[Completion]:
    """A prompt's completions with how they were rated by current labels, the newest version first."""
    current = Q(ratings__label__superseded_by__isnull=True)
    return (
        completions_of(prompt)
        .select_related("model")
        .annotate(
            mean_rating=Avg("ratings__value", filter=current), num_ratings=Count("ratings__value", filter=current)
        )
    )


def judgements_of(prompt: Prompt) -> QuerySet[Label]:
    """The current labels of a prompt's items with ranks and ratings, the newest first."""
    return (
        Label.objects.select_related("annotator")
        .prefetch_related("ranks", "ratings")
        .filter(item__prompt=prompt, superseded_by__isnull=True)
        .order_by("-id")
    )
