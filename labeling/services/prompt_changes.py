"""Changes to everything that a filter finds, in one transaction, with its number said before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import TextChoices
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from labeling import events
from labeling.errors import Conflict, Invalid
from labeling.models import Project, Tag, Topic, User
from labeling.selectors.prompts import PromptFilter, find_prompts
from labeling.services.audit import record
from labeling.services.tags import check_tags, tag_ids
from labeling.services.topics import check_topics

PRIORITIES = range(-30_000, 30_001)


class Action(TextChoices):
    """What is done to each prompt. Codes are sent; labels are shown."""

    ADD_TAG = "add_tag", _("add a tag")
    REMOVE_TAG = "remove_tag", _("remove a tag")
    ADD_TOPIC = "add_topic", _("add a content warning")
    REMOVE_TOPIC = "remove_topic", _("remove a content warning")
    PRIORITY = "priority", _("set the priority of open items")
    ARCHIVE = "archive", _("archive: nothing more is asked about it")
    RESTORE = "restore", _("restore from the archive")


@dataclass(frozen=True, slots=True)
class Change:
    """An action with its value, checked (check_change)."""

    action: Action
    value: str | int | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """How many prompts a change is about, and how many open judgements it takes away, brings back or moves."""

    prompts: int
    judgements: int


def check_change(*, action: str, value: object = None) -> Change:
    """A change that can be made.

    Raises:
        Invalid: an unknown action, or a value that does not fit it.
    """
    if action not in Action.values:
        raise Invalid(
            gettext("there is no change {action!r}: use {known}").format(action=action, known=", ".join(Action.values))
        )
    chosen = Action(action)
    if chosen in (Action.ADD_TAG, Action.REMOVE_TAG):
        names = check_tags([value])
        return Change(chosen, names[0])
    if chosen in (Action.ADD_TOPIC, Action.REMOVE_TOPIC):
        topics = check_topics([value])
        return Change(chosen, topics[0])
    if chosen == Action.PRIORITY:
        return Change(chosen, _priority(value))
    return Change(chosen)


def _priority(value: object) -> int:
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        value = int(value.strip()[:8])
    if not isinstance(value, int) or isinstance(value, bool) or value not in PRIORITIES:
        raise Invalid(
            gettext("the priority {value!r} is not a whole number from {lowest:,} to {highest:,}").format(
                value=value, lowest=PRIORITIES[0], highest=PRIORITIES[-1]
            )
        )
    return value


def effect_of(change: Change, *, project: Project, wanted: PromptFilter) -> Effect:
    """What the change would do now."""
    with transaction.atomic(), connection.cursor() as cursor:
        count = _choose(project, wanted)
        cursor.execute("SELECT count(*) FROM labeling_slot slot WHERE " + CHANGED.get(change.action, "false"))
        judgements = cursor.fetchone()[0]
        if change.action == Action.RESTORE:
            cursor.execute(f"SELECT count(*) {MISSING}")
            judgements = cursor.fetchone()[0]
        cursor.execute("DROP TABLE chosen_prompt")
    return Effect(count, judgements)


@transaction.atomic
def change_prompts(
    change: Change, *, project: Project, wanted: PromptFilter, expected: int | None = None, actor: User | None
) -> Effect:
    """Change every prompt that the filter finds.

    Args:
        expected: how many they were when somebody said yes to it; None: however many there are.

    Raises:
        Conflict: there are more or fewer of them now; nothing was changed.
    """
    # One after the other, and after imports; annotators' work passes this lock.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    count = _choose(project, wanted)
    if expected is not None and count != expected:
        raise Conflict(
            ngettext(
                "there is {count:,} such prompt now, and not {expected:,}: look again",
                "there are {count:,} such prompts now, and not {expected:,}: look again",
                count,
            ).format(count=count, expected=expected),
            code="count_changed",
        )
    judgements = _make(change, project)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE chosen_prompt")
    record(
        actor=actor,
        project=project,
        action="prompts.changed",
        subject=f"{count} prompts",
        before=wanted.chosen(),
        after={"action": str(change.action), "value": change.value, "prompts": count, "judgements": judgements},
    )
    if judgements:
        events.publish(project.slug, "items", changed=judgements)
    return Effect(count, judgements)


def _choose(project: Project, wanted: PromptFilter) -> int:
    """Keep the ids in a table of this transaction: what the change does must not change whom it is about."""
    statement, parameters = find_prompts(project, wanted).order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE chosen_prompt (id bigint PRIMARY KEY) ON COMMIT DROP")
        cursor.execute(f"INSERT INTO chosen_prompt {statement}", parameters)
        count = int(cursor.rowcount)
        cursor.execute("ANALYZE chosen_prompt")
    return count


def _make(change: Change, project: Project) -> int:
    """Do it; the number of open judgements that it took away, brought back or moved."""
    values: dict[str, Any] = {"value": change.value, "project": project.pk, "known": Topic.values}
    if change.action == Action.ADD_TAG:
        values["tag"] = tag_ids(project=project, names=[str(change.value)])[str(change.value)]
    if change.action == Action.REMOVE_TAG:
        values["tag"] = Tag.objects.filter(project=project, name=change.value).values_list("pk", flat=True).first()
    counts = [_execute(statement, values) for statement in STATEMENTS[change.action]]
    if change.action == Action.ARCHIVE:
        _execute(COUNTED, {**values, "added": -counts[1]})
        return counts[1]
    if change.action == Action.RESTORE:
        _execute(COUNTED, {**values, "added": counts[-1]})
        return counts[-1]
    return counts[0] if change.action == Action.PRIORITY else 0


def _execute(statement: str, values: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


OPEN = """
    NOT slot.is_done AND slot.item_id IN (
        SELECT item.id FROM labeling_item item JOIN chosen_prompt ON chosen_prompt.id = item.prompt_id
        WHERE item.purpose = 'training'
    )
"""
# What somebody works on stays with them while they do; evaluations need every pair.
NOT_HELD = f"{OPEN} AND slot.leased_until <= statement_timestamp()"
CHANGED = {Action.ARCHIVE: NOT_HELD, Action.PRIORITY: OPEN}
# Slots of items that are asked about and not decided: those that an archive took away. What left the queue out of date
# stays away.
MISSING = """
    FROM labeling_item item JOIN chosen_prompt ON chosen_prompt.id = item.prompt_id
    JOIN labeling_prompt prompt ON prompt.id = item.prompt_id
    CROSS JOIN generate_series(0, item.overlap - 1) AS missing (number)
    WHERE item.purpose = 'training' AND item.num_judgements < item.overlap AND item.left_queue IS NULL AND NOT EXISTS (
        SELECT FROM labeling_slot slot WHERE slot.item_id = item.id AND slot.number = missing.number
    )
"""
NEW_TOPICS = """
    UPDATE labeling_prompt prompt SET topics = ARRAY(
        SELECT topic FROM unnest(%(known)s::varchar[]) WITH ORDINALITY known (topic, n)
        WHERE {which} ORDER BY n
    ) FROM chosen_prompt WHERE chosen_prompt.id = prompt.id AND {changed}
"""
SLOT_TOPICS = """
    UPDATE labeling_slot slot SET topics = prompt.topics
    FROM labeling_item item, labeling_prompt prompt, chosen_prompt
    WHERE item.id = slot.item_id AND prompt.id = item.prompt_id AND prompt.id = chosen_prompt.id
        AND NOT slot.is_done AND slot.topics <> prompt.topics
"""
# Slots that are for somebody now, whose passage is beyond them: they lost a topic, or came to another priority.
COME_BACK = """
    UPDATE labeling_passage passage SET slot = reopened.first
    FROM labeling_membership member, (
        SELECT slot.project_id, slot.priority, min(slot.id) AS first
        FROM labeling_slot slot JOIN labeling_item item ON item.id = slot.item_id
        JOIN chosen_prompt ON chosen_prompt.id = item.prompt_id
        WHERE NOT slot.is_done GROUP BY slot.project_id, slot.priority
    ) reopened
    WHERE passage.membership_id = member.id AND member.project_id = reopened.project_id
        AND passage.priority = reopened.priority AND passage.slot > reopened.first
"""
ADD_TAG = """
    INSERT INTO labeling_prompttag (tag_id, prompt_id) SELECT %(tag)s, id FROM chosen_prompt ORDER BY id
    ON CONFLICT DO NOTHING
"""
REMOVE_TAG = """
    DELETE FROM labeling_prompttag entry USING chosen_prompt
    WHERE entry.tag_id = %(tag)s AND entry.prompt_id = chosen_prompt.id
"""
ITEM_PRIORITY = """
    UPDATE labeling_item item SET priority = %(value)s FROM chosen_prompt
    WHERE chosen_prompt.id = item.prompt_id AND item.purpose = 'training' AND item.num_judgements < item.overlap
"""
ARCHIVED = """
    UPDATE labeling_prompt prompt SET is_archived = {value} FROM chosen_prompt
    WHERE chosen_prompt.id = prompt.id AND prompt.is_archived <> {value}
"""
# What nobody holds is taken away, which waits for who claims a slot just now. What is held leaves the queue: it stays
# with whom it is held by, and when the lease has ended it is served to nobody (services.given_up).
TAKEN_AWAY = f"DELETE FROM labeling_slot slot WHERE {NOT_HELD}"
OUT_OF_QUEUE = f"UPDATE labeling_slot slot SET project_id = NULL WHERE {OPEN}"
BACK_IN_QUEUE = f"""
    UPDATE labeling_slot slot SET project_id = %(project)s WHERE slot.project_id IS NULL AND {OPEN}
"""
BROUGHT_BACK = f"""
    INSERT INTO labeling_slot (project_id, item_id, number, priority, topics, leased_until, is_done)
    SELECT item.project_id, item.id, missing.number, item.priority, prompt.topics, '1970-01-01T00:00:00Z', false
    {MISSING} ORDER BY item.id, missing.number
"""
COUNTED = "UPDATE labeling_project SET num_slots = greatest(num_slots + %(added)s, 0) WHERE id = %(project)s"
# Slots before items, as submitting locks them: who waits for the one does not hold the other.
STATEMENTS: dict[Action, tuple[str, ...]] = {
    Action.ADD_TAG: (ADD_TAG,),
    Action.REMOVE_TAG: (REMOVE_TAG,),
    Action.ADD_TOPIC: (
        NEW_TOPICS.format(
            which="topic = ANY (prompt.topics) OR topic = %(value)s", changed="NOT %(value)s = ANY (prompt.topics)"
        ),
        SLOT_TOPICS,
    ),
    Action.REMOVE_TOPIC: (
        NEW_TOPICS.format(
            which="topic = ANY (prompt.topics) AND topic <> %(value)s", changed="%(value)s = ANY (prompt.topics)"
        ),
        SLOT_TOPICS,
        COME_BACK,
    ),
    Action.PRIORITY: (f"UPDATE labeling_slot slot SET priority = %(value)s WHERE {OPEN}", ITEM_PRIORITY, COME_BACK),
    Action.ARCHIVE: (ARCHIVED.format(value="true"), TAKEN_AWAY, OUT_OF_QUEUE),
    Action.RESTORE: (ARCHIVED.format(value="false"), BACK_IN_QUEUE, COME_BACK, BROUGHT_BACK),
}
