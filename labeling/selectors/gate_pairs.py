"""What people said of the pairs that a gate asked about, and of items chosen at random that hold both versions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from labeling.models import Label


@dataclass(slots=True)
class JudgedPair:
    """The judgement of an item that counts: its first one, as it stands after revisions.

    Attributes:
        place: by which judgements come one after the other.
        ranks: by policy version those of its completions, 1 is the best.
        flags: those raised on any of them, by policy version.
    """

    item: int
    place: int
    ranks: dict[int, list[int]] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)

    def outcome(self, version: int, against: int) -> int:
        """1 when the version is better, 0 for a tie, -1 otherwise: by the mean rank where one wrote several."""
        ours, theirs = self.ranks[version], self.ranks[against]
        lead = sum(theirs) * len(ours) - sum(ours) * len(theirs)
        return (lead > 0) - (lead < 0)


def judged_pairs(*, project_id: int, items: Collection[int], versions: tuple[int, int], after: int) -> list[JudgedPair]:
    """What was judged, in the order in which it was; one query.

    Somebody's judgement is as old as the first one they made of the item: a revision takes its place in the order.

    Args:
        items: the pairs that were asked for the gate.
        after: items of the random share count that are younger than this one and hold completions of both versions.
    """
    given: dict[str, Any] = {"project": project_id, "items": sorted(items), "versions": list(versions), "after": after}
    with connection.cursor() as cursor:
        cursor.execute(JUDGED, given)
        rows = cursor.fetchall()
    found: dict[int, JudgedPair] = {}
    for item, place, version, rank, flags in rows:
        pair = found.setdefault(item, JudgedPair(item, place))
        pair.ranks.setdefault(version, []).append(rank)
        pair.flags.setdefault(version, set()).update(flags)
    return sorted((each for each in found.values() if len(each.ranks) == 2), key=lambda each: each.place)


# Of each item the assignment that was judged first, and the label of it that no revision replaced. OFFSET 0: the newest
# items are few, all that were ever chosen at random are not.
JUDGED = """
WITH young AS MATERIALIZED (
    SELECT item.id, item.is_random, item.purpose, item.num_judgements, item.kind FROM labeling_item item
    WHERE item.id > %(after)s AND item.project_id = %(project)s OFFSET 0
), asked AS (
    SELECT unnest(%(items)s::bigint[]) AS item_id
    UNION SELECT young.id FROM young
    WHERE young.is_random AND young.purpose = 'training' AND young.num_judgements > 0
        AND young.kind IN ('ranking', 'pair')
), first AS (
    SELECT DISTINCT ON (label.item_id) label.item_id, label.assignment_id, label.id AS place
    FROM asked JOIN labeling_label label ON label.item_id = asked.item_id
    WHERE label.source <> 'import' AND label.assignment_id IS NOT NULL
    ORDER BY label.item_id, label.id
)
SELECT first.item_id, first.place, completion.policy_version, rank.rank, coalesce(rating.flags, '{}')
FROM first
JOIN labeling_label label ON label.assignment_id = first.assignment_id AND label.superseded_by_id IS NULL
JOIN labeling_rank rank ON rank.label_id = label.id
JOIN labeling_completion completion ON completion.id = rank.completion_id
LEFT JOIN labeling_rating rating ON rating.label_id = label.id AND rating.completion_id = completion.id
WHERE completion.policy_version = ANY (%(versions)s::int[])
"""


def open_pairs(items: Collection[int]) -> int:
    """How many of these are in the queue and not judged yet."""
    if not items:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(OPEN, {"items": sorted(items)})
        row = cursor.fetchone()
    return int(row[0]) if row else 0


OPEN = "SELECT count(*) FROM labeling_slot WHERE item_id = ANY (%(items)s::bigint[]) AND NOT is_done"


def judgements_of(*, project_id: int, items: Collection[int]) -> dict[int, int]:
    """The first judgement of each item that no revision replaced; items without one are left out. One query, or none.

    Returns:
        By item the id of the judgement.
    """
    if not items:
        return {}
    rows = Label.objects.filter(project=project_id, item__in=items, superseded_by=None).order_by("-pk")
    return dict(rows.values_list("item", "pk"))


def newest_item() -> int:
    """Id of the item that was made last, of any project; 0 when there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM labeling_item")
        row = cursor.fetchone()
    return int(row[0]) if row else 0
