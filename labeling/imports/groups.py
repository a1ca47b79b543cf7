"""Judgements that stand in several rows, one after the other: what exports call comparisons and ratings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from django.utils.translation import gettext, ngettext

from labeling.errors import Invalid
from labeling.imports import told
from labeling.imports.records import Record, check_strength, make_record
from labeling.imports.written import COLUMNS as WRITTEN
from labeling.imports.written import of_side, with_models

MAX_ROWS = 36
"""The pairs of 9 completions."""
COMPARISONS = (
    told.COLUMNS
    | WRITTEN
    | {
        *("prompt", "chosen", "rejected", "outcome", "weight", "margin", "chosen_id", "rejected_id"),
        *("chosen_rating", "rejected_rating", "chosen_policy", "rejected_policy"),
    }
)
RATINGS = told.COLUMNS | {"prompt", "completion", "completion_id", "policy", "model", "rating", "raised", "rank"}
Rows = Sequence[dict[str, Any]]


def parse_comparisons(rows: Rows) -> Record:
    """The ranking whose pairs the rows are.

    Raises:
        Invalid: pairs are missing, are there twice or contradict each other, or a broken rule.
    """
    first = rows[0]
    pairs = [_pair(row) for row in rows]
    texts = _in_order([(chosen, rejected) for chosen, rejected, _ in pairs])
    beaten = {text: sum(outcome == "win" and text == rejected for _, rejected, outcome in pairs) for text in texts}
    levels = sorted(set(beaten.values()))
    ranks = {text: levels.index(beaten[text]) + 1 for text in texts}
    wanted = {frozenset(pair) for pair in combinations(texts, 2)}
    if len(pairs) != len(wanted) or {frozenset(pair[:2]) for pair in pairs} != wanted:
        raise Invalid(
            ngettext(
                "{count} comparison of {completions} completions: all pairs of a ranking stand together",
                "{count} comparisons of {completions} completions: all pairs of a ranking stand together",
                len(pairs),
            ).format(count=len(pairs), completions=len(texts))
        )
    steps = {"win": 1, "tie": 0}
    if any((ranks[lost] > ranks[won]) - (ranks[lost] < ranks[won]) != steps[how] for won, lost, how in pairs):
        raise Invalid(gettext("these comparisons contradict each other: no ranking has them"))
    ratings, policies = (_of_each(rows, texts, name) for name in ("rating", "policy"))
    record = make_record(
        prompt=first.get("prompt"),
        completions=texts,
        ranks=[ranks[text] for text in texts],
        ratings=ratings if any(each is not None for each in ratings) else None,
    )
    record = with_models(_with_policies(record, first, policies), _models_of(rows, texts))
    return replace(record, strength=check_strength(first.get("strength"), is_pair=len(texts) == 2))


def _pair(row: dict[str, Any]) -> tuple[str, str, str]:
    chosen, rejected, outcome = row.get("chosen"), row.get("rejected"), row.get("outcome")
    if not isinstance(chosen, str) or not isinstance(rejected, str):
        raise Invalid(gettext('there is no text "chosen" or "rejected"'))
    if outcome not in ("win", "tie"):
        raise Invalid(gettext("the outcome {outcome!r} is neither win nor tie").format(outcome=str(outcome)[:80]))
    if chosen == rejected:
        raise Invalid(gettext('"chosen" and "rejected" are the same text: nothing was decided between them'))
    return chosen, rejected, outcome


def _in_order(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The completions as they stood: an export goes through the pairs of the first, then of the second, and so on."""
    order: list[str] = []
    if len(pairs) > 1 and (common := set(pairs[0]) & set(pairs[1])):
        order = [min(common, key=pairs[0].index)]
    for pair in pairs:
        order += [text for text in pair if text not in order]
    return order


def _of_each(rows: Rows, texts: Sequence[str], name: str) -> list[Any]:
    found = {}
    for row in rows:
        for side in ("chosen", "rejected"):
            found[row[side]] = row.get(f"{side}_{name}")
    return [found[text] for text in texts]


def _models_of(rows: Rows, texts: Sequence[str]) -> list[Any]:
    if all(WRITTEN.isdisjoint(row) for row in rows):
        return []
    named = {row[side]: of_side(row, side) for row in rows for side in ("chosen", "rejected")}
    return [named[text] for text in texts]


def parse_ratings(rows: Rows) -> Record:
    """The judgement whose ratings and flags the rows are. Ranks among them are kept as they are told: those of
    completions without a rating are not there.

    Raises:
        Invalid: a broken rule.
    """
    first = rows[0]
    ratings = [row.get("rating") for row in rows]
    record = make_record(
        prompt=first.get("prompt"),
        completions=[row.get("completion") for row in rows],
        ratings=ratings if any(each is not None for each in ratings) else None,
        flags=[row.get("raised") for row in rows],
        least=1,
    )
    ranks = [row.get("rank") for row in rows]
    if any(rank is not None and (not isinstance(rank, int) or not 1 <= rank <= 9) for rank in ranks):
        raise Invalid(gettext("the rank is {ranks}: give whole numbers from 1 to 9").format(ranks=str(ranks)[:80]))
    record = _with_policies(record, first, [row.get("policy") for row in rows])
    record = with_models(record, [row.get("model") for row in rows])
    if record.told is None:
        if not any(each is not None for each in ratings) and not record.flags:
            raise Invalid(gettext("there is neither a rating nor a flag"))
        return replace(record, told=told.Told())
    shown = {"shown_ranks": ranks} if any(rank is not None for rank in ranks) else {}
    return replace(record, told=replace(record.told, said={**record.told.said, **shown}))


def _with_policies(record: Record, row: dict[str, Any], versions: list[Any]) -> Record:
    said = told.told_of(row)
    if said is None:
        return record
    policies = told.policies_of(versions, len(record.completions))
    return replace(record, told=replace(said, said={**said.said, **policies}))


def parse_unpaired(row: dict[str, Any]) -> Record:
    """One row of TRL's unpaired preference: a completion that is desirable, rated 5, or is not, rated 3; these are the
    nearest ratings that exports call so.

    Raises:
        Invalid: the label is neither true nor false, or a broken rule.
    """
    label, completion = row.get("label"), row.get("completion")
    if not isinstance(label, bool):
        raise Invalid(gettext("the label {label!r} is neither true nor false").format(label=str(label)[:80]))
    if isinstance(completion, list) and len(completion) == 1 and isinstance(completion[0], dict):
        completion = completion[0].get("content")
    record = make_record(prompt=row.get("prompt"), completions=[completion], ratings=[5 if label else 3], least=1)
    return with_models(record, [row.get("model")])
