"""What people saw and what they decided of it, for a batch of labels: columns of a whole batch, cut into labels here.

A row for each label took the database and Python twice as long: they pass thousands of values in the time of ten rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.db.backends.utils import CursorWrapper

Column = list[Any]
NOTHING: list[Any] = []

# Both parts keep the database from starting processes of its own for each batch, and from looking for each completion
# alone. So many items come in one row: with all of them in one, the server asks its system for memory each time.
SHOWN = """
WITH entry AS MATERIALIZED (
    SELECT item_id, completion_id, position FROM labeling_itemcompletion WHERE item_id = ANY(%s)
), written AS MATERIALIZED (
    SELECT id, digest, text, policy_version, CASE WHEN model_id IS NOT NULL THEN (
        SELECT name FROM labeling_importedmodel model WHERE model.id = model_id
    ) END AS model
    FROM labeling_completion WHERE id = ANY(ARRAY(SELECT completion_id FROM entry))
)
SELECT array_agg(item_id), array_agg(id), array_agg(left(digest, 8)), array_agg(text), array_agg(policy_version),
    array_agg(id) FILTER (WHERE model IS NOT NULL), array_agg(model) FILTER (WHERE model IS NOT NULL)
FROM (
    SELECT entry.item_id / 25 AS part, entry.item_id, written.*
    FROM entry JOIN written ON written.id = entry.completion_id
    ORDER BY part, entry.item_id, entry.position
) shown GROUP BY part
"""
RANKED = """
SELECT array_agg(label_id), array_agg(completion_id), array_agg(rank) FROM (
    SELECT label_id, completion_id, rank FROM labeling_rank WHERE label_id = ANY(%s) ORDER BY label_id
) said
"""
RATED = """
SELECT array_agg(label_id), array_agg(completion_id), array_agg(value), array_agg(flags) FROM (
    SELECT label_id, completion_id, value, nullif(array_to_string(flags, ' '), '') AS flags
    FROM labeling_rating WHERE label_id = ANY(%s) ORDER BY label_id
) said
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """The completions of some items, in the order in which each item has them, one item after the other."""

    ids: Column
    digests: Column
    texts: Column
    versions: Column
    models: dict[int, str]
    """Of completions that a model with a name wrote."""
    places: dict[int, slice]

    def of(self, item: int) -> slice:
        """Where the completions of an item stand; nowhere for one that asks about none."""
        return self.places.get(item, _NOWHERE)


_NOWHERE = slice(0, 0)


def read_shown(cursor: CursorWrapper, items: Sequence[int]) -> Shown:
    """The completions of items. One statement."""
    cursor.execute(SHOWN, [list(items)])
    parts = zip(*cursor.fetchall(), strict=True)
    columns = [list(chain.from_iterable(column or NOTHING for column in part)) for part in parts] or [NOTHING] * 7
    of, ids, digests, texts, versions, named, names = columns
    ends = dict(zip(of, range(1, len(of) + 1), strict=True))  # where each stands last, in the order they come
    begins = [0, *ends.values()]
    places = {item: slice(begin, end) for begin, (item, end) in zip(begins, ends.items(), strict=False)}
    return Shown(ids, digests, texts, versions, dict(zip(named, names, strict=True)), places)


@dataclass(slots=True)
class Decided:
    """Values that labels gave to completions: of each label in a row, the labels in the order of their ids."""

    labels: Column
    completions: Column
    columns: list[Column]
    _next: int = 0

    def of(self, label: int, completions: list[int]) -> list[Column] | None:
        """The values of a label in the order of its completions, None for those without; None when it gave none.

        Labels are asked for in the order of their ids, each once.
        """
        labels, begin, end = self.labels, self._next, self._next + len(completions)
        if begin >= len(labels) or labels[begin] != label:
            return None
        if labels[end - 1 : end + 1].count(label) != 1:  # not just one for each completion
            end = begin + 1
            while end < len(labels) and labels[end] == label:
                end += 1
        self._next = end
        given = self.completions[begin:end]
        if given == completions:
            return [column[begin:end] for column in self.columns]
        places = {completion: begin + place for place, completion in enumerate(given)}
        found = [places.get(completion) for completion in completions]
        return [[None if place is None else column[place] for place in found] for column in self.columns]


def read_decided(cursor: CursorWrapper, statement: str, labels: Sequence[int]) -> Decided:
    """What RANKED or RATED has of labels. One statement."""
    cursor.execute(statement, [list(labels)])
    of, completions, *columns = (column or NOTHING for column in cursor.fetchone() or ())
    return Decided(of, completions, columns)
