"""Ranked JSON lines, the format of the export's view "rankings": any number of completions, ties as equal ranks.

{"prompt": messages, "completions": [{"text": ..., "model": ...}, ...], "ranks": [1, 2, 2], "ratings": [6, 3, null],
"flags": [[], ...], "notes": ...}; ranks or ratings may be missing. In their place "best": 0 says that the first one was
picked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext

from labeling.errors import Invalid
from labeling.imports import told
from labeling.imports.prompts import texts_of
from labeling.imports.records import MIN_COMPLETIONS, Record, check_best, check_strength, make_record
from labeling.imports.written import of_entries, with_models
from labeling.models import Kind

COLUMNS = frozenset({"prompt", "completions", "ranks", "ratings", "flags", "notes", "best", *told.COLUMNS})


def parse(row: dict[str, Any]) -> Record:
    """One row.

    Raises:
        Invalid: neither ranks nor ratings nor a pick, or a broken rule.
    """
    said = told.told_of(row)
    completions = texts_of(row.get("completions"))
    if not completions and said is None:
        raise Invalid(gettext('there are no "completions"'))
    # Of a turn of a conversation something is ranked and something carried on with: the latter is kept as it was told.
    best, ranks, ratings = row.get("best"), row.get("ranks"), row.get("ratings")
    is_both = said is not None and best is not None and (ranks is not None or ratings is not None)
    record = make_record(
        prompt=row.get("prompt"),
        completions=completions,
        ranks=ranks,
        ratings=ratings,
        flags=row.get("flags"),
        notes=row.get("notes"),
        best=None if is_both else best,
        least=MIN_COMPLETIONS if said is None else 1,
    )
    record = with_models(record, of_entries(row.get("completions")))
    if said is not None:
        count = len(completions)
        more: dict[str, Any] = dict(told.policies_of(_versions(row.get("completions")), count))
        if is_both:
            more["best"] = check_best(best, count, is_alone=True)
        strength = check_strength(row.get("strength"), is_pair=row.get("kind") == Kind.PAIR and count == 2)
        return replace(record, told=replace(said, said={**said.said, **more}), strength=strength)
    if not record.is_judged:
        raise Invalid(gettext('there are neither "ranks" nor "ratings" nor "best"'))
    return record


def _versions(completions: object) -> list[Any]:
    found = completions if isinstance(completions, list) else []
    return [each.get("policy_version") if isinstance(each, dict) else None for each in found]
