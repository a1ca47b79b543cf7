"""Slots of prompts that were archived while somebody held them: served to nobody again, and taken away in the end."""

from __future__ import annotations

from django.db import connection

from labeling.services.queue import GIVEN_UP


def sweep(project_id: int) -> int:
    """Take the slots away whose prompts were archived while they were held, once nobody holds them; how many.

    Called where a queue is empty: that is when what nobody will do would be missing from what is done. Whoever holds
    the project, such as an import, is not waited for.
    """
    with connection.cursor() as cursor:
        cursor.execute(GIVEN_UP_SLOTS, {"project": project_id})
        found = [row[0] for row in cursor.fetchall()]
        if not found:
            return 0
        cursor.execute(SWEEP, {"project": project_id, "slots": found})
        return int(cursor.fetchone()[0])


GIVEN_UP_SLOTS = f"""
SELECT slot.id FROM labeling_slot slot JOIN labeling_item item ON item.id = slot.item_id
JOIN labeling_prompt prompt ON prompt.id = item.prompt_id
WHERE slot.project_id IS NULL AND NOT slot.is_done AND item.project_id = %(project)s AND {GIVEN_UP}
"""
SWEEP = """
WITH project AS (
    SELECT id FROM labeling_project WHERE id = %(project)s FOR NO KEY UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM labeling_slot WHERE id IN (
        SELECT slot.id FROM labeling_slot slot WHERE slot.id = ANY (%(slots)s) AND slot.project_id IS NULL
            AND NOT slot.is_done AND slot.leased_until <= statement_timestamp() AND EXISTS (SELECT FROM project)
        FOR UPDATE OF slot SKIP LOCKED
    ) RETURNING id
), counted AS (
    UPDATE labeling_project SET num_slots = greatest(num_slots - (SELECT count(*) FROM gone), 0)
    WHERE id IN (SELECT id FROM project) AND EXISTS (SELECT FROM gone)
)
SELECT count(*) FROM gone
"""
