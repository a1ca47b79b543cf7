"""How the items of a queue were chosen, and how many left it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from labeling.models import Item, Rule


@dataclass(frozen=True, slots=True)
class OpenItems:
    """Items in the queue that were chosen alike; ``rule`` is empty where none chose them."""

    rule: str
    is_random: bool
    items: int

    @property
    def label(self) -> str:
        """The rule in words; empty for none."""
        return str(Rule(self.rule).label) if self.rule else ""


def open_items(project_id: int, *, most_slots: int) -> tuple[list[OpenItems], bool]:
    """The items in the queue by how they were chosen, most first; whether there are more slots than were looked at."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN, {"project": project_id, "most": most_slots + 1})
        rows = cursor.fetchall()
    return [OpenItems(*row[:3]) for row in rows], any(row[3] > most_slots for row in rows)


def count_left(project_id: int) -> int:
    """How many items left the queue out of date."""
    return Item.objects.filter(project=project_id, left_queue__isnull=False).count()


OPEN = """
WITH open AS MATERIALIZED (
    SELECT item_id FROM labeling_slot WHERE project_id = %(project)s AND NOT is_done LIMIT %(most)s
)
SELECT item.rule, item.is_random, count(*), (SELECT count(*) FROM open)
FROM (SELECT DISTINCT item_id FROM open) distinct_open JOIN labeling_item item ON item.id = distinct_open.item_id
WHERE item.purpose = 'training'
GROUP BY item.rule, item.is_random ORDER BY count(*) DESC, item.rule, item.is_random
"""
