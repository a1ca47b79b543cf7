"""Keeping the sums that coefficients of agreement are made from (quality.sums) up to date, a few labels at a time.

The judgements that count are those of services.figures: made by people here, as they were first submitted. When a label
comes, what the units of its item added to the sums before is taken out, and what they add now put in; for each person,
every two judgements of a unit are counted once, when the later one comes. So the sums are those of a full recount.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from django.db.models import Q

from labeling.models import PREFERENCES, AgreementFigures, Measure

if TYPE_CHECKING:
    from labeling.quality.estimates import Floats
    from labeling.services.agreement_units import Units


class Key(NamedTuple):
    """What a row of AgreementFigures is of."""

    annotator: int | None
    kind: str
    week: dt.date | None
    measure: str
    flag: str = ""


class Said(NamedTuple):
    """One judgement of an item that two people or more judged, and whether it is counted now or was before."""

    label: int
    item: int
    prompt: int
    annotator: int
    kind: str
    day: dt.date
    best: int | None
    shown: list[int]
    is_new: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where the units of an item are counted."""

    kind: str
    week: dt.date
    block: int


def fold_agreement(cursor: Any, *, project_id: int, after: int, last: int) -> None:
    """Count the labels with these ids; part of a transaction that holds the project's row of Folded."""
    cursor.execute(JUDGED, {"project": project_id, "after": after, "last": last, "kinds": list(PREFERENCES)})
    rows = [Said(*row) for row in cursor.fetchall()]
    if not rows:
        return
    labels = [row.label for row in rows]
    cursor.execute(DECIDED, {"labels": labels})
    compared = cursor.fetchall()
    cursor.execute(RATED, {"labels": labels})
    rated = cursor.fetchall()
    _store(project_id, added(rows, compared=compared, rated=rated))


# Items touched by the new labels, with all labels of each that count, those before and the new ones; those of one judge
# alone have nothing to agree with. OFFSET 0: as in services.figures.
COUNTED = """label.source NOT IN ('import', 'review') AND label.annotator_id IS NOT NULL
        AND label.kind = ANY (%(kinds)s::varchar[])
        AND NOT EXISTS (SELECT FROM labeling_label older WHERE older.superseded_by_id = label.id OFFSET 0)"""
JUDGED = f"""
WITH touched AS MATERIALIZED (
    SELECT DISTINCT label.item_id FROM labeling_label label
    WHERE label.project_id = %(project)s AND label.id > %(after)s AND label.id <= %(last)s AND {COUNTED}
), said AS (
    SELECT label.*, count(*) OVER (PARTITION BY label.item_id) AS judges
    FROM touched CROSS JOIN LATERAL (
        SELECT label.id, label.item_id, label.annotator_id, label.kind, label.best_id, label.assignment_id,
            (label.created AT TIME ZONE 'UTC')::date AS day
        FROM labeling_label label WHERE label.item_id = touched.item_id AND label.id <= %(last)s AND {COUNTED} OFFSET 0
    ) label
)
SELECT said.id, said.item_id, item.prompt_id, said.annotator_id, said.kind, said.day, said.best_id, shown."order",
    said.id > %(after)s
FROM said CROSS JOIN LATERAL (
    SELECT prompt_id FROM labeling_item WHERE id = said.item_id AND purpose <> 'known' OFFSET 0
) item CROSS JOIN LATERAL (SELECT "order" FROM labeling_assignment WHERE id = said.assignment_id OFFSET 0) shown
WHERE said.judges > 1
ORDER BY said.id
"""
DECIDED = """
SELECT label_id, chosen_id, rejected_id, outcome = 'tie' FROM labeling_comparison WHERE label_id = ANY (%(labels)s)
"""
RATED = "SELECT label_id, completion_id, value, flags FROM labeling_rating WHERE label_id = ANY (%(labels)s)"


def added(
    rows: Sequence[Said],
    *,
    compared: Iterable[tuple[int, int, int, bool]],
    rated: Iterable[tuple[int, int, int | None, list[str]]],
) -> dict[Key, Floats]:
    """What new judgements add to the sums.

    Args:
        rows: all judgements of items that have new ones, in the order of their ids.
        compared: of their comparisons the label, who was chosen, who not, and whether they tie.
        rated: of their ratings the label, the completion, the value and the flags.
    """
    from labeling.services import agreement_units as arithmetic

    places = _places(rows)
    number = {row.label: place for place, row in enumerate(rows)}
    said: dict[tuple[str, str], Units] = defaultdict(arithmetic.Units)
    for label, chosen, rejected, is_tie in compared:
        low, high = min(chosen, rejected), max(chosen, rejected)
        said[Measure.COMPARISONS, ""].add(number[label], (low, high), 1 if is_tie else 0 if chosen == low else 2)
    for place, row in enumerate(rows):
        if row.best is not None:
            said[Measure.PICKS, ""].add(place, None, sorted(row.shown).index(row.best))
        for completion in row.shown:
            said[Measure.UNFLAGGED, ""].add(place, completion, 0)
    _add_rated(said, rows, [(number[label], *rest) for label, *rest in rated])
    found: dict[Key, Floats] = {}
    for (measure, flag), units_of in said.items():
        for annotator, kind, week, sums in arithmetic.spread(units_of, rows, places, measure=measure):
            found[Key(annotator, kind, week, measure, flag)] = sums
    for annotator, kind, week, sums in arithmetic.rankings(said[Measure.COMPARISONS, ""], rows, places):
        found[Key(annotator, kind, week, Measure.RANKINGS)] = sums
    return found


def _add_rated(said: dict[tuple[str, str], Units], rows: Sequence[Said], rated: Iterable[tuple[Any, ...]]) -> None:
    """Ratings, and the flags of completions on which somebody raised them: all judges of the item say yes or no."""
    judges: dict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        judges[row.item].append(place)
    raised: dict[tuple[str, int, int], set[int]] = defaultdict(set)
    for place, completion, value, flags in rated:
        if value is not None:
            said[Measure.RATINGS, ""].add(place, completion, value - 1)
        for flag in flags:
            raised[flag, rows[place].item, completion].add(place)
    for (flag, item, completion), by in raised.items():
        for place in judges[item]:
            said[Measure.FLAG, flag].add(place, completion, int(place in by))


def _places(rows: Sequence[Said]) -> dict[int, Place]:
    places: dict[int, Place] = {}
    for row in rows:  # the first of an item says the week
        if row.item not in places:
            monday = row.day - dt.timedelta(days=row.day.weekday())
            places[row.item] = Place(kind=row.kind, week=monday, block=_block(row.prompt))
    return places


def _block(prompt: int) -> int:
    """The block that a prompt is dealt into: by a hash, since what comes in turns has its own rhythm in the ids."""
    from labeling.quality.sums import BLOCKS

    return crc32(str(prompt).encode()) % BLOCKS


def _store(project_id: int, found: dict[Key, Floats]) -> None:
    """Add to what is stored, of each week and of all time."""
    import numpy as np

    from labeling.quality.sums import pack, unpack

    new: dict[Key, Floats] = {}
    for key, sums in found.items():
        for each in (key, key._replace(week=None)):
            new[each] = new[each] + sums if each in new else sums
    for row in _stored(project_id, new):
        key = Key(row.annotator_id, row.kind, row.week, row.measure, row.flag)
        if key in new:
            new[key] = np.add(new[key], unpack(row.sums, row.measure))
    AgreementFigures.objects.bulk_create(
        [
            AgreementFigures(
                project_id=project_id,
                annotator_id=key.annotator,
                kind=key.kind,
                week=key.week,
                measure=key.measure,
                flag=key.flag,
                sums=pack(sums),
            )
            for key, sums in sorted(new.items(), key=lambda each: str(each[0]))
        ],
        update_conflicts=True,
        unique_fields=["project", "annotator", "week", "kind", "measure", "flag"],
        update_fields=["sums"],
    )


def _stored(project_id: int, keys: Iterable[Key]) -> Iterator[AgreementFigures]:
    people = {key.annotator for key in keys}
    weeks = {key.week for key in keys}
    return (
        AgreementFigures.objects.filter(project=project_id)
        .filter(Q(annotator__in=people - {None}) | Q(annotator__isnull=True))
        .filter(Q(week__in=weeks - {None}) | Q(week__isnull=True))
        .iterator()
    )
