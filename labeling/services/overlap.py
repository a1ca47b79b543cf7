"""Changing how many people judge the items that are in the queue: exactly, while they work."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import F

from labeling.models import Project, Purpose
from labeling.selectors import sharing


def apply_overlap(project: Project) -> dict[str, int]:
    """Give the open items of a project its overlap (selectors.sharing), but never less than what was judged or is held.

    Items that have all their judgements are not opened again; items of blind evaluations and known answers keep theirs.
    The project is locked, so that new slots come after all others, and nobody waits: a slot that somebody takes at this
    moment is one that they hold.

    Returns:
        How many judgements ``added`` and ``removed``.
    """
    parameters: dict[str, Any] = {
        **sharing.parameters(project, overlap=project.overlap),
        "project": project.pk,
        "purpose": Purpose.TRAINING.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(REMOVE, parameters)
        removed = cursor.fetchone()[0]
        cursor.execute(ADD, parameters)
        added = cursor.fetchone()[0]
    Project.objects.filter(pk=project.pk).update(num_slots=F("num_slots") + added - removed)
    project.num_slots += added - removed
    return {"added": added, "removed": removed}


# Of each item the slots that are done or held stay, then the oldest. One that is locked by somebody is being taken.
REMOVE = f"""
WITH ranked AS (
    SELECT slot.id, {sharing.TARGET} AS target, row_number() OVER (
        PARTITION BY slot.item_id
        ORDER BY slot.is_done DESC, slot.leased_until > statement_timestamp() DESC, slot.id
    ) AS place
    FROM labeling_slot slot JOIN labeling_item item ON item.id = slot.item_id
    JOIN labeling_prompt prompt ON prompt.id = item.prompt_id
    WHERE item.project_id = %(project)s AND item.purpose = %(purpose)s AND item.overlap > {sharing.TARGET}
        AND item.num_judgements < item.overlap
), spare AS (
    SELECT slot.id FROM labeling_slot slot JOIN ranked ON ranked.id = slot.id
    WHERE ranked.place > ranked.target AND NOT slot.is_done AND slot.leased_until <= statement_timestamp()
    FOR UPDATE OF slot SKIP LOCKED
), gone AS (
    DELETE FROM labeling_slot slot USING spare WHERE slot.id = spare.id RETURNING slot.item_id
), lowered AS (
    UPDATE labeling_item item SET overlap = item.overlap - fewer.number
    FROM (SELECT item_id, count(*) AS number FROM gone GROUP BY item_id) fewer WHERE item.id = fewer.item_id
)
SELECT count(*) FROM gone
"""
ADD = f"""
WITH short AS (
    SELECT item.id, item.priority, item.overlap, prompt.topics, {sharing.TARGET} AS target
    FROM labeling_item item JOIN labeling_prompt prompt ON prompt.id = item.prompt_id AND NOT prompt.is_archived
    WHERE item.project_id = %(project)s AND item.purpose = %(purpose)s AND item.overlap < {sharing.TARGET} AND EXISTS (
        SELECT FROM labeling_slot slot WHERE slot.item_id = item.id AND NOT slot.is_done
    )
    FOR NO KEY UPDATE OF item
), raised AS (
    UPDATE labeling_item item SET overlap = short.target FROM short
    WHERE item.id = short.id RETURNING item.id
), added AS (
    INSERT INTO labeling_slot (item_id, project_id, number, priority, leased_until, is_done, topics)
    SELECT short.id, %(project)s, last.number + extra, short.priority, 'epoch', false, short.topics
    FROM short JOIN raised ON raised.id = short.id
    CROSS JOIN LATERAL (SELECT max(slot.number) AS number FROM labeling_slot slot WHERE slot.item_id = short.id) last
    CROSS JOIN LATERAL generate_series(1, short.target - short.overlap) extra
    ORDER BY short.id, extra
    RETURNING id
)
SELECT count(*) FROM added
"""
