"""Pairs by which a gate decides: each one is asked about once, and leaves the queue when it is decided without it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext

from labeling import events
from labeling.errors import Invalid
from labeling.models import Completion, Item, Kind, Project, Prompt, Purpose
from labeling.services.prompts import NewItem, create_items, create_judged_items


@dataclass(frozen=True, slots=True)
class AskedPair:
    """A pair as it was put into the queue; ``is_same``: both wrote the same, so nobody is asked and it is a tie."""

    item: int
    is_same: bool


@transaction.atomic
def ask_pairs(
    *, project: Project, pairs: Sequence[tuple[Prompt, Completion, Completion]], priority: int
) -> list[AskedPair]:
    """Ask one person about each pair of completions of a held-out prompt, in the order given.

    To annotators they are pairs like all others: the order is random per assignment, the versions are nowhere on the
    page. Unlike with ask_blindly a prompt may come more than once: it was drawn again, and written for again.

    Raises:
        Invalid: a prompt that is not held out.
    """
    if trained := [prompt.pk for prompt, _, _ in pairs if not prompt.held_out]:
        raise Invalid(
            gettext("prompt {missing} is not a held-out prompt of {slug}: evaluations ask about no others").format(
                missing=trained[0], slug=project.slug
            )
        )
    same = [first.digest == second.digest for _, first, second in pairs]
    asked = create_items(
        project=project,
        items=[_item(pair, priority) for pair, alike in zip(pairs, same, strict=True) if not alike],
    )
    judged = create_judged_items(
        project=project, items=[_item(pair, 0) for pair, alike in zip(pairs, same, strict=True) if alike]
    )
    to_ask, decided = iter(asked), iter(judged)
    return [AskedPair(item=next(decided if alike else to_ask).pk, is_same=alike) for alike in same]


def _item(pair: tuple[Prompt, Completion, Completion], priority: int) -> NewItem:
    prompt, first, second = pair
    # One and the same completion twice is no pair; the same text by two versions is two completions.
    return NewItem(
        prompt=prompt,
        completions=[first, second],
        overlap=1,
        priority=priority,
        kind=Kind.PAIR,
        purpose=Purpose.EVALUATION,
    )


@transaction.atomic
def withdraw(*, project: Project, items: Collection[int]) -> int:
    """Take those of the items out of the queue that nobody has begun, since nothing depends on them any more.

    What somebody has on the page stays theirs to finish. Returns how many left.
    """
    if not items:
        return 0
    # The project is locked first, as by all that puts slots into its queue.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    with connection.cursor() as cursor:
        cursor.execute(WITHDRAW, {"items": sorted(items)})
        left = [row[0] for row in cursor.fetchall()]
        cursor.execute(COUNTED, {"project": project.pk, "left": len(left)})
    if left:
        Item.objects.filter(pk__in=left).update(left_queue=timezone.now())
        events.publish(project.slug, "items", added=-len(left))
    return len(left)


WITHDRAW = """
DELETE FROM labeling_slot WHERE id IN (
    SELECT slot.id FROM labeling_slot slot WHERE slot.item_id = ANY (%(items)s::bigint[]) AND NOT slot.is_done
        AND slot.assignment_id IS NULL FOR UPDATE SKIP LOCKED
) RETURNING item_id
"""
COUNTED = "UPDATE labeling_project SET num_slots = greatest(num_slots - %(left)s, 0) WHERE id = %(project)s"
