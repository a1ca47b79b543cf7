"""Taking out of the queue what is out of date: items that nobody has begun, of versions that write no more."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection, transaction

from labeling import events
from labeling.models import Project


@transaction.atomic
def let_go(*, project: Project, versions: Collection[int]) -> int:
    """Take items out of the queue whose completions all come from these policy versions, unless somebody began them.

    An item stays when it was judged, is leased, or lies open with somebody, and when somebody takes one of its slots at
    this moment. Items and completions remain, with the time at which they left; their prompts are written for again.
    Those of blind evaluations and known answers stay.

    Returns:
        How many items left.
    """
    if not versions:
        return 0
    # One after the other, with changes of the overlap and with imports; annotators' work passes this lock.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    with connection.cursor() as cursor:
        cursor.execute(LET_GO, {"project": project.pk, "versions": sorted(versions)})
        items, slots = cursor.fetchone()
        if slots:
            cursor.execute(COUNTED, {"project": project.pk, "slots": slots})
    if items:
        events.publish(project.slug, "items", left=items)
    return int(items)


# All slots of an item are locked, or it stays: one that is locked by somebody is being taken. What was taken since this
# statement began to read is seen when its slot is locked.
LET_GO = """
WITH stale AS MATERIALIZED (
    SELECT item.id, item.prompt_id, (SELECT count(*) FROM labeling_slot each WHERE each.item_id = item.id) AS num_slots
    FROM labeling_item item
    WHERE item.id IN (SELECT item_id FROM labeling_slot WHERE project_id = %(project)s AND NOT is_done)
        AND item.purpose = 'training' AND item.num_judgements = 0
        AND NOT EXISTS (
            SELECT FROM labeling_assignment work WHERE work.item_id = item.id AND work.state <> 'skipped'
        )
        AND EXISTS (SELECT FROM labeling_itemcompletion entry WHERE entry.item_id = item.id)
        AND NOT EXISTS (
            SELECT FROM labeling_itemcompletion entry
            JOIN labeling_completion written ON written.id = entry.completion_id
            WHERE entry.item_id = item.id
                AND (written.policy_version IS NULL OR written.policy_version <> ALL (%(versions)s::int[]))
        )
), free AS (
    SELECT slot.id, slot.item_id FROM labeling_slot slot JOIN stale ON stale.id = slot.item_id
    WHERE NOT slot.is_done AND slot.leased_until <= statement_timestamp()
    FOR UPDATE OF slot SKIP LOCKED
), whole AS (
    SELECT stale.id, stale.prompt_id FROM stale JOIN free ON free.item_id = stale.id
    GROUP BY stale.id, stale.prompt_id, stale.num_slots HAVING count(*) = stale.num_slots
), gone AS (
    DELETE FROM labeling_slot slot USING whole WHERE slot.item_id = whole.id RETURNING slot.id
), dated AS (
    UPDATE labeling_item item SET left_queue = statement_timestamp() FROM whole WHERE item.id = whole.id
), written AS (
    UPDATE labeling_prompt prompt SET times_sampled = greatest(prompt.times_sampled - fewer.number, 0)
    FROM (SELECT prompt_id, count(*) AS number FROM whole GROUP BY prompt_id) fewer WHERE prompt.id = fewer.prompt_id
)
SELECT (SELECT count(*) FROM whole), (SELECT count(*) FROM gone)
"""
COUNTED = "UPDATE labeling_project SET num_slots = greatest(num_slots - %(slots)s, 0) WHERE id = %(project)s"
