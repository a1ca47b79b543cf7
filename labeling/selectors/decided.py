"""What people saw and what they decided of it, for a batch of labels: columns of a whole batch, cut into labels here.

A row for each label took the database and Python twice as long: they pass thousands of values in the time of ten rows.
Only completions come in rows of their own: in columns, the server would copy each text four times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.db.backends.utils import CursorWrapper

Column = list[Any]
NOTHING: list[Any] = []

ASKED = """
SELECT array_agg(item_id), array_agg(completion_id) FROM (
    SELECT item_id, completion_id FROM labeling_itemcompletion WHERE item_id = ANY(%s::bigint[])
    ORDER BY item_id, position
) asked
"""
# The array keeps the database from looking for each completion alone.
WRITTEN = """
SELECT id, left(digest, 8), text, policy_version, CASE WHEN model_id IS NOT NULL THEN (
    SELECT name FROM labeling_importedmodel model WHERE model.id = model_id
) END
FROM labeling_completion WHERE id = ANY(ARRAY(
    SELECT completion_id FROM labeling_itemcompletion WHERE item_id = ANY(%s::bigint[])
))
"""
RANKED = """
SELECT array_agg(label_id), array_agg(completion_id), array_agg(rank) FROM (
    SELECT label_id, completion_id, rank FROM labeling_rank WHERE label_id = ANY(%s::bigint[]) ORDER BY label_id
) said
"""
RATED = """
SELECT array_agg(label_id), array_agg(completion_id), array_agg(value), array_agg(flags) FROM (
    SELECT label_id, completion_id, value, nullif(array_to_string(flags, ' '), '') AS flags
    FROM labeling_rating WHERE label_id = ANY(%s::bigint[]) ORDER BY label_id
) said
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """The completions of some items, in the order in which each item has them, one item after the other.

    ``models`` has the names of the models of elsewhere that wrote some of them, by their ids.
    """

    ids: Column
    digests: Column
    texts: Column
    versions: Column
    models: dict[int, str]
    places: dict[int, slice]

    def of(self, item: int) -> slice:
        """Where the completions of an item stand; nowhere for one that asks about none."""
        return self.places.get(item, _NOWHERE)


_NOWHERE = slice(0, 0)


def read_shown(cursor: CursorWrapper, items: Collection[int]) -> Shown:
    """The completions of items. Two statements."""
    cursor.execute(ASKED, [_listed(items)])
    of, ids = (column or NOTHING for column in cursor.fetchone() or ())
    cursor.execute(WRITTEN, [_listed(items)])
    found, *columns, models = [list(column) for column in zip(*cursor.fetchall(), strict=True)] or [NOTHING] * 5
    named = {pk: name for pk, name in zip(found, models, strict=True) if name is not None} if any(models) else {}
    if found != ids:  # in another order, or one that two items ask about
        places = dict(zip(found, range(len(found)), strict=True))
        order = [places[pk] for pk in ids]
        columns = [[column[place] for place in order] for column in columns]
    digests, texts, versions = columns
    return Shown(ids, digests, texts, versions, named, _places(of))


@dataclass(frozen=True, slots=True)
class Decided:
    """Values that labels gave to completions: of each label in a row, the labels in the order of their ids."""

    completions: Column
    columns: list[Column]
    places: dict[int, slice]

    def of_each(self, labels: Sequence[int], asked: Sequence[slice], completions: Column) -> Iterator[list[Column]]:
        """The values of each label in the order of its completions, None for those without.

        Args:
            labels: in the order of their ids.
            asked: where the completions of each label stand among ``completions``.
        """
        if self.completions == completions and list(self.places.items()) == list(zip(labels, asked, strict=True)):
            return ([column[place] for column in self.columns] for place in asked)
        return (self._of(label, completions[place]) for label, place in zip(labels, asked, strict=True))

    def _of(self, label: int, completions: list[int]) -> list[Column]:
        place = self.places.get(label, _NOWHERE)
        given = self.completions[place]
        if given == completions:
            return [column[place] for column in self.columns]
        numbers = {completion: number for number, completion in enumerate(given, start=place.start)}
        found = [numbers.get(completion) for completion in completions]
        return [[None if number is None else column[number] for number in found] for column in self.columns]


def read_decided(cursor: CursorWrapper, statement: str, labels: Collection[int]) -> Decided:
    """What RANKED or RATED has of labels. One statement."""
    cursor.execute(statement, [_listed(labels)])
    of, completions, *columns = (column or NOTHING for column in cursor.fetchone() or ())
    return Decided(completions, columns, _places(of))


def _places(names: Column) -> dict[int, slice]:
    """Where each name stands, of names of which equal ones stand in a row."""
    ends = dict(zip(names, range(1, len(names) + 1), strict=True))  # where each stands last, in the order they come
    return dict(zip(ends, map(slice, chain((0,), ends.values()), ends.values()), strict=True))


def _listed(ids: Collection[int]) -> str:
    """Ids as PostgreSQL writes an array: of a list, each would be looked at alone."""
    return "{" + ",".join(map(str, ids)) + "}"
