"""The statements by which annotators are served: one each, because people wait for them hundreds of times a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection

from labeling.models import Assignment, Item, Membership, Project, Prompt, User
from labeling.rows import columns, fetch_one, instances
from labeling.selectors.access import is_candidate
from labeling.selectors.progress import PROGRESS, Progress
from labeling.selectors.queue import Shown
from labeling.services.probes import mix_in
from labeling.services.qualification import has_work
from labeling.services.trust import known_alone

STRIDE = 64
"""How many slots somebody may be beyond their stored passage before it is stored anew."""


MAX_ID = 2**63 - 1
"""Of the database's keys; a larger number from an address is nobody's."""


def locked_member(*, user: User, project_id: int) -> Membership | None:
    """The person's place in a project; with the project, and locked."""
    row = fetch_one(_member(), {"user": user.pk, "project": project_id})
    if row is None:
        return None
    membership: Membership
    membership, membership.project = instances(row, Membership, Project)
    membership.user = user
    return membership


@cache
def _member() -> str:
    return f"""
SELECT {columns(Membership, "membership")}, {columns(Project, "project")}
FROM labeling_membership membership JOIN labeling_project project ON project.id = membership.project_id
WHERE membership.user_id = %(user)s AND membership.is_active AND membership.project_id = %(project)s
FOR NO KEY UPDATE OF membership
"""


@dataclass(frozen=True, slots=True)
class Work:
    """An assignment with its item, and the place of the person, who it is of, in its project."""

    membership: Membership
    assignment: Assignment


def find_work(*, assignment_id: int, annotator: User, locked: bool = False) -> Work | None:
    """The annotator's own assignment, with their place, which is an active one.

    ``locked`` waits for what they do at the same time and reads what has come of it: the membership is locked first,
    then the assignment.
    """
    if assignment_id > MAX_ID:
        return None
    row = fetch_one(_work(locked), {"user": annotator.pk, "assignment": assignment_id})
    if row is None:
        return None
    membership, membership.project, assignment, assignment.item = instances(row, Membership, Project, Assignment, Item)
    membership.user = assignment.annotator = annotator
    return Work(membership, assignment)


@cache
def _work(locked: bool) -> str:
    return f"""
SELECT {columns(Membership, "membership")}, {columns(Project, "project")},
    {columns(Assignment, "assignment")}, {columns(Item, "item")}
FROM labeling_assignment assignment JOIN labeling_item item ON item.id = assignment.item_id
JOIN labeling_project project ON project.id = item.project_id
JOIN labeling_membership membership
    ON membership.project_id = item.project_id AND membership.user_id = assignment.annotator_id
WHERE assignment.id = %(assignment)s AND assignment.annotator_id = %(user)s AND membership.is_active
{"FOR NO KEY UPDATE OF membership, assignment" if locked else ""}
"""


def find_assignment(*, assignment_id: int, annotator: User) -> Assignment | None:
    """The annotator's own assignment, with its item."""
    if assignment_id > MAX_ID:
        return None
    row = fetch_one(_assignment(), {"user": annotator.pk, "assignment": assignment_id})
    if row is None:
        return None
    assignment: Assignment
    assignment, assignment.item = instances(row, Assignment, Item)
    assignment.annotator = annotator
    return assignment


@cache
def _assignment() -> str:
    return f"""
SELECT {columns(Assignment, "assignment")}, {columns(Item, "item")}
FROM labeling_assignment assignment JOIN labeling_item item ON item.id = assignment.item_id
WHERE assignment.id = %(assignment)s AND assignment.annotator_id = %(user)s
"""


@dataclass(frozen=True, slots=True)
class Served:
    """An assignment with its item and prompt: new and leased, or one of before whose slot has still to be taken.

    ``shown`` is what else its page shows, read in the same statement.
    """

    assignment: Assignment
    is_new: bool
    shown: Shown


def serve(membership: Membership, *, besides: Sequence[int] = (), minutes: int | None = None) -> Served | None:
    """What the member works on: what they had begun and can go on with, else a new assignment with a slot leased.

    The membership is locked; ``besides`` are assignments to leave out, ``minutes`` the lease if not the project's.
    """
    if is_candidate(membership) and not has_work(membership, besides=besides):
        return None
    if membership.is_routed_away:
        left_out = known_alone(membership, besides=besides)
        if left_out is None:
            return None
        besides = left_out
    parameters = serving_parameters(membership, besides=besides)
    row = fetch_one(serving(), parameters if minutes is None else {**parameters, "minutes": minutes})
    if row is None:
        return None
    assignment: Assignment
    is_new, taken, priority, is_far, texts, *rest = row
    shown = Shown(texts, Progress(*rest[:4]))
    if is_far:
        with connection.cursor() as cursor:
            cursor.execute(passing(), {**parameters, "taken": taken, "priority": priority})
    assignment, assignment.item, assignment.item.prompt = instances(tuple(rest[4:]), Assignment, Item, Prompt)
    if is_new and membership.project.known_percent:
        mix_in(membership)
    return Served(assignment, is_new=is_new, shown=shown)


def serving_parameters(membership: Membership, *, besides: Sequence[int] = ()) -> dict[str, Any]:
    """What the statement of ``serving`` asks for."""
    return {
        "user": membership.user_id,
        "membership": membership.pk,
        "project": membership.project_id,
        "minutes": membership.project.lease_minutes,
        "guidelines": membership.project.guidelines_version,
        "besides": list(besides),
        "stride": STRIDE,
    }


# Of an archived prompt only what is held goes on (services.prompt_changes).
GIVEN_UP = "prompt.is_archived AND item.purpose = 'training' AND slot.leased_until <= statement_timestamp()"
OPTED_OUT = "(SELECT opted_out FROM labeling_user WHERE id = %(user)s)"
# Nobody gets an item twice, judges what they wrote themselves, or sees a topic that they opted out of. OFFSET 0 keeps
# each an index look-up per slot: as a join the planner may read all that somebody ever judged.
FOR_THEM = f"""
    NOT slot.topics && {OPTED_OUT} AND NOT EXISTS (
        SELECT FROM labeling_assignment mine
        WHERE mine.item_id = slot.item_id AND mine.annotator_id = %(user)s OFFSET 0
    ) AND NOT EXISTS (
        SELECT FROM labeling_itemcompletion entry JOIN labeling_completion written ON written.id = entry.completion_id
        WHERE entry.item_id = slot.item_id AND written.author_id = %(user)s OFFSET 0
    )
"""
# The priorities that have open slots, the highest first: each is a step in the index slot_queue.
LEVELS = """
    (SELECT slot.priority FROM labeling_slot slot WHERE slot.project_id = %(project)s AND NOT slot.is_done
     ORDER BY slot.priority DESC LIMIT 1)
    UNION ALL
    SELECT lower.priority FROM levels CROSS JOIN LATERAL (
        SELECT slot.priority FROM labeling_slot slot
        WHERE slot.project_id = %(project)s AND NOT slot.is_done AND slot.priority < levels.priority
        ORDER BY slot.priority DESC LIMIT 1
    ) lower
"""
# A level's slots from the member's passage on; LATERAL takes the levels in their order, which a join need not. Said as
# a range, the level can't be left out of the order, so only slot_queue has that order: by their ids alone the planner
# would go through the slots of all projects.
LEVEL = """
    levels CROSS JOIN LATERAL (SELECT coalesce((
        SELECT passage.slot FROM labeling_passage passage
        WHERE passage.membership_id = %(membership)s AND passage.priority = levels.priority
    ), 0) AS begin) passed LEFT JOIN LATERAL (
        SELECT slot.id, slot.item_id FROM labeling_slot slot
        WHERE slot.project_id = %(project)s AND NOT slot.is_done
            AND slot.priority BETWEEN levels.priority AND levels.priority AND slot.id >= passed.begin AND {wanted}
        ORDER BY slot.priority DESC, slot.id LIMIT 1 {lock}
    ) slot ON true
"""


@cache
def serving() -> str:
    """The statement that finds, creates and leases; it reads a few slots, however many there are."""
    free = LEVEL.format(
        wanted=f"slot.leased_until <= statement_timestamp() AND {FOR_THEM}", lock="FOR NO KEY UPDATE SKIP LOCKED"
    )
    return f"""
WITH RECURSIVE begun AS (
    SELECT assignment.id
    FROM labeling_assignment assignment JOIN labeling_item item ON item.id = assignment.item_id
    JOIN labeling_prompt prompt ON prompt.id = item.prompt_id
    WHERE assignment.annotator_id = %(user)s AND assignment.state = 'active' AND item.project_id = %(project)s
        AND assignment.id <> ALL (%(besides)s::bigint[]) AND NOT prompt.topics && {OPTED_OUT}
        AND EXISTS (
            SELECT FROM labeling_slot slot WHERE slot.item_id = assignment.item_id AND NOT slot.is_done
                AND (slot.assignment_id = assignment.id OR slot.leased_until <= statement_timestamp())
                AND NOT ({GIVEN_UP})
        )
    ORDER BY assignment.lease_expires DESC, assignment.id LIMIT 1
), levels AS ({LEVELS}), slot AS (
    SELECT slot.id, slot.item_id, levels.priority, passed.begin
    FROM {free} WHERE slot.id IS NOT NULL AND NOT EXISTS (SELECT FROM begun) LIMIT 1
), created AS (
    INSERT INTO labeling_assignment
        (item_id, annotator_id, state, lease_expires, "order", draft, skip_reason, guidelines_version, created, changed)
    SELECT slot.item_id, %(user)s, 'active', statement_timestamp() + %(minutes)s * interval '1 minute', ARRAY(
            SELECT entry.completion_id FROM labeling_itemcompletion entry WHERE entry.item_id = slot.item_id
            ORDER BY gen_random_uuid() -- random, and not to be foreseen
        ), '{{}}', '', %(guidelines)s::int, statement_timestamp(), statement_timestamp()
    FROM slot RETURNING *
), leased AS (
    UPDATE labeling_slot SET assignment_id = created.id, leased_until = created.lease_expires
    FROM slot, created WHERE labeling_slot.id = slot.id
), served AS (
    SELECT false AS is_new, assignment.* FROM labeling_assignment assignment JOIN begun ON begun.id = assignment.id
    UNION ALL SELECT true, created.* FROM created
)
SELECT served.is_new, slot.id, slot.priority, slot.begin = 0 OR slot.id > slot.begin + %(stride)s,
    ARRAY(
        SELECT completion.text FROM unnest(served."order") WITH ORDINALITY shown(id, place)
        JOIN labeling_completion completion ON completion.id = shown.id ORDER BY shown.place
    ), progress.*, {columns(Assignment, "served")}, {columns(Item, "item")}, {columns(Prompt, "prompt")}
FROM served LEFT JOIN slot ON true
JOIN labeling_item item ON item.id = served.item_id JOIN labeling_prompt prompt ON prompt.id = item.prompt_id,
({PROGRESS}) progress
"""


@cache
def passing() -> str:
    """The statement that stores how far somebody is, once they are a stride beyond what is stored.

    It stands by itself: as a part of serving() it made PostgreSQL plan that statement anew each time, for 1.7 ms, since
    without the values it looked dearer than with them.
    """
    return f"""
WITH RECURSIVE levels AS ({LEVELS})
INSERT INTO labeling_passage (membership_id, priority, slot)
SELECT %(membership)s, behind.priority, behind.next FROM (
    SELECT levels.priority, coalesce(slot.id, greatest(%(taken)s, passed.begin)) AS next
    FROM {LEVEL.format(wanted=FOR_THEM, lock="")} WHERE levels.priority >= %(priority)s
) behind
ON CONFLICT (membership_id, priority) DO UPDATE SET slot = EXCLUDED.slot
"""


def come_back_to(*, prompt_id: int) -> None:
    """Have everybody look again at the open slots of a prompt, which may be for them now: it lost a topic."""
    with connection.cursor() as cursor:
        cursor.execute(COME_BACK, {"prompt": prompt_id})


COME_BACK = """
UPDATE labeling_passage passage SET slot = reopened.first
FROM labeling_membership member, (
    SELECT slot.project_id, slot.priority, min(slot.id) AS first
    FROM labeling_slot slot JOIN labeling_item item ON item.id = slot.item_id
    WHERE item.prompt_id = %(prompt)s AND NOT slot.is_done GROUP BY slot.project_id, slot.priority
) reopened
WHERE passage.membership_id = member.id AND member.project_id = reopened.project_id
    AND passage.priority = reopened.priority AND passage.slot > reopened.first
"""
