"""Rows of prompts, completions and items, thousands at a time: one statement for each table.

Part of services.prompts and imports, which check what comes in; each call belongs to a transaction of theirs. Arrays of
texts go in binary (%b): as text each would be searched for what has to be escaped, which took a quarter of an import.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from labeling.services.texts import Messages


class PromptRow(NamedTuple):
    """A prompt to be stored, under its digest; the topics are codes with spaces between."""

    digest: str
    messages: Messages
    held_out: bool
    topics: str = ""


@dataclass(frozen=True, slots=True)
class StoredPrompt:
    """What is known of a prompt once it is stored."""

    id: int
    held_out: bool
    topics: list[str]
    source: str
    is_archived: bool
    is_new: bool


class CompletionRow(NamedTuple):
    """A completion to be stored; ``sampling`` is JSON. One is the same as another when all up to the text is."""

    prompt: int
    digest: str
    origin: str
    policy_version: int | None
    author: int | None
    model: int | None
    text: str
    sampling: str | None = None
    logprob: float | None = None
    source: str | None = None


IDENTITY = 6
"""Of a row of a completion, so many values say which one it is."""


class ItemRow(NamedTuple):
    """An item to be stored."""

    prompt: int
    kind: str
    purpose: str
    overlap: int
    priority: int
    policy_version: int | None
    num_judgements: int
    rule: str = ""
    propensity: float | None = None
    random_propensity: float | None = None
    is_random: bool = False


class SlotRow(NamedTuple):
    """A slot to be stored; the topics are codes with spaces between."""

    item: int
    number: int
    priority: int
    topics: str


def insert_prompts(*, project_id: int, source: str, rows: Iterable[PromptRow]) -> dict[str, StoredPrompt]:
    """Store prompts that are new to a project.

    Returns:
        All of them by digest, those that were there already with what they have.
    """
    by_digest = {row.digest: row for row in rows}
    digests, messages, held_out, topics = _turned(by_digest.values(), of=4)
    values = {
        "project": project_id,
        "source": source,
        "digests": digests,
        "messages": [json.dumps(each, ensure_ascii=False) for each in messages],
        "held_out": held_out,
        "topics": topics,
    }
    stored = {row[1]: _stored(row, is_new=True) for row in _rows(PROMPTS, values)}
    if missing := [digest for digest in by_digest if digest not in stored]:
        _rows(SORTING, {"value": "off"})
        known = _rows(KNOWN_PROMPTS, {"project": project_id, "digests": missing})
        _rows(SORTING, {"value": "on"})
        stored |= {row[1]: _stored(row, is_new=False) for row in known}
    return stored


def _stored(row: tuple[Any, ...], *, is_new: bool) -> StoredPrompt:
    pk, _, held_out, topics, source, is_archived = row
    return StoredPrompt(pk, held_out, topics, source, is_archived, is_new)


PROMPTS = """
INSERT INTO labeling_prompt (project_id, digest, messages, held_out, source, topics, times_sampled, created)
SELECT %(project)s, digest, messages, held_out, %(source)s, string_to_array(topics, ' '), 0, statement_timestamp()
FROM unnest(%(digests)b::text[], %(messages)b::text[]::jsonb[], %(held_out)s::bool[], %(topics)b::text[])
    WITH ORDINALITY AS given (digest, messages, held_out, topics, n)
ORDER BY n
ON CONFLICT (project_id, digest) DO NOTHING
RETURNING id, digest, held_out, topics, source, is_archived
"""
# Each is asked for by the unique index. As a join, or with an equality inside, the planner may go through the project
# for each of them: of a new one it has no statistics, so it expects no rows. The order is one that only this index has,
# and that nothing else may make.
SORTING = "SELECT set_config('enable_sort', %(value)s, true), set_config('enable_incremental_sort', %(value)s, true)"
KNOWN_PROMPTS = """
SELECT prompt.id, prompt.digest, prompt.held_out, prompt.topics, prompt.source, prompt.is_archived
FROM unnest(%(digests)b::text[]) given (digest) CROSS JOIN LATERAL (
    SELECT * FROM labeling_prompt
    WHERE (labeling_prompt.project_id, labeling_prompt.digest) >= (%(project)s::bigint, given.digest)
    ORDER BY labeling_prompt.project_id, labeling_prompt.digest LIMIT 1
) prompt
WHERE prompt.project_id = %(project)s AND prompt.digest = given.digest
"""


def insert_completions(rows: Sequence[CompletionRow]) -> list[int]:
    """Store completions; one that the same writer already gave to the same prompt is found, not doubled.

    Returns:
        One id for each row, in their order.
    """
    names = (
        "prompts",
        "digests",
        "origins",
        "versions",
        "authors",
        "models",
        "texts",
        "sampling",
        "logprobs",
        "sources",
    )
    stored = _ids(_rows(COMPLETIONS, dict(zip(names, _turned(rows, of=10), strict=True))))
    if missing := [row for row in rows if row[:IDENTITY] not in stored]:
        prompts, digests = _turned((row[:2] for row in missing), of=2)
        stored |= _ids(_rows(KNOWN_COMPLETIONS, {"prompts": prompts, "digests": digests}))
    return [stored[row[:IDENTITY]] for row in rows]


def _ids(rows: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    return {row[1:]: row[0] for row in rows}


COMPLETIONS = """
INSERT INTO labeling_completion
    (prompt_id, digest, origin, policy_version, author_id, model_id, text, sampling, logprob, source, created)
SELECT prompt, digest, origin, version, author, model, text, sampling, logprob, source, statement_timestamp()
FROM unnest(
    %(prompts)s::bigint[], %(digests)b::text[], %(origins)b::text[], %(versions)s::int[], %(authors)s::bigint[],
    %(models)s::bigint[], %(texts)b::text[], %(sampling)b::text[]::jsonb[], %(logprobs)s::float[], %(sources)b::text[]
) WITH ORDINALITY AS given (prompt, digest, origin, version, author, model, text, sampling, logprob, source, n)
ORDER BY n
ON CONFLICT DO NOTHING
RETURNING id, prompt_id, digest, origin, policy_version, author_id, model_id
"""
KNOWN_COMPLETIONS = """
SELECT written.id, written.prompt_id, written.digest, written.origin, written.policy_version, written.author_id,
    written.model_id
FROM unnest(%(prompts)s::bigint[], %(digests)b::text[]) given (prompt, digest) CROSS JOIN LATERAL (
    SELECT * FROM labeling_completion WHERE prompt_id = given.prompt AND labeling_completion.digest = given.digest
    OFFSET 0
) written
"""


def insert_items(*, project_id: int, rows: Sequence[ItemRow], completions: Sequence[Sequence[int]]) -> list[int]:
    """Store items and which completions they ask about, by their ids in the order they stand.

    Returns:
        One id for each row, in their order.
    """
    names = (
        *("prompts", "kinds", "purposes", "overlaps", "priorities", "versions", "judged"),
        *("rules", "propensities", "at_random", "random"),
    )
    values = {"project": project_id, **dict(zip(names, _turned(rows, of=11), strict=True))}
    ids = [row[0] for row in _rows(ITEMS, values)]
    insert_entries(ids, completions)
    return ids


def insert_entries(items: Sequence[int], completions: Sequence[Sequence[int]]) -> None:
    """Say which completions stored items ask about, by their ids in the order they stand."""
    entries = [
        (item, completion, position)
        for item, group in zip(items, completions, strict=True)
        for position, completion in enumerate(group)
    ]
    names = ("items", "completions", "positions")
    _rows(ENTRIES, dict(zip(names, _turned(entries, of=3), strict=True)))


ITEMS = """
INSERT INTO labeling_item
    (project_id, prompt_id, kind, purpose, overlap, priority, policy_version, num_judgements, rule, propensity,
     random_propensity, is_random, created)
SELECT %(project)s, prompt, kind, purpose, overlap, priority, version, judged, rule, propensity, at_random, is_random,
    statement_timestamp()
FROM unnest(
    %(prompts)s::bigint[], %(kinds)b::text[], %(purposes)b::text[], %(overlaps)s::int[], %(priorities)s::int[],
    %(versions)s::int[], %(judged)s::int[], %(rules)b::text[], %(propensities)s::float[], %(at_random)s::float[],
    %(random)s::bool[]
) WITH ORDINALITY AS given
    (prompt, kind, purpose, overlap, priority, version, judged, rule, propensity, at_random, is_random, n)
ORDER BY n
RETURNING id
"""
ENTRIES = """
INSERT INTO labeling_itemcompletion (item_id, completion_id, position)
SELECT item, completion, position
FROM unnest(%(items)s::bigint[], %(completions)s::bigint[], %(positions)s::int[])
    WITH ORDINALITY AS given (item, completion, position, n)
ORDER BY n
"""


def insert_slots(*, project_id: int, rows: Sequence[SlotRow]) -> None:
    """Store open slots. The project is locked: of its slots those with higher ids are seen later (passages)."""
    names = ("items", "numbers", "priorities", "topics")
    _rows(SLOTS, {"project": project_id, **dict(zip(names, _turned(rows, of=4), strict=True))})


SLOTS = """
INSERT INTO labeling_slot (project_id, item_id, number, priority, topics, leased_until, is_done)
SELECT %(project)s, item, number, priority, string_to_array(topics, ' '), '1970-01-01T00:00:00Z', false
FROM unnest(%(items)s::bigint[], %(numbers)s::int[], %(priorities)s::int[], %(topics)b::text[])
    WITH ORDINALITY AS given (item, number, priority, topics, n)
ORDER BY n
"""


def _turned(rows: Iterable[Sequence[Any]], *, of: int) -> list[list[Any]]:
    """Columns out of rows of ``of`` values, of which there may be none."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(of)]


def _rows(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []
