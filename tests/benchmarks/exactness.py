"""Whether every item gets exactly its judgements while everything that can go wrong does, over real HTTP.

People submit twice at once, skip, lose their leases and leave in the middle of an item; web processes are killed and
start again. Whoever gets no answer sends the same judgement again, as the page does. At the end each item has exactly
the number of judgements that it wants, and everything that was acknowledged is stored once.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from labeling.models import Label, Project, Slot
from tests.benchmarks.labeling_load.chaos import Chaos
from tests.benchmarks.labeling_load.queue import fill_queue, make_team
from tests.benchmarks.labeling_load.unsteady import UnsteadyAnnotator
from tests.benchmarks.labeling_load.web import serving

SETTINGS = {
    "annotators": 64,
    "items": 2_000,
    "overlap": 3,
    "completions": 3,
    "kills": 12,
    "leaving": 16,
    "limit": 1_800,
}


def run(*, say: Callable[[str], object], **settings: int) -> dict[str, Any]:
    """Counts of what happened, and of what must not: inexact_items, lost and doubled are 0."""
    slug = f"exact-{secrets.token_hex(3)}"
    project, team = make_team(slug, annotators=settings["annotators"], overlap=settings["overlap"])
    fill_queue(project, items=settings["items"], completions=settings["completions"])
    began = time.monotonic()
    with serving() as server:
        people = [UnsteadyAnnotator(server.address, slug=slug, user=user) for user in team]
        chaos = Chaos(project, people, server=server, kills=settings["kills"], leaving=settings["leaving"])
        with ThreadPoolExecutor(len(people)) as pool:
            working = [pool.submit(person.work_on) for person in people]
            while open_slots(project) and time.monotonic() < began + settings["limit"]:
                chaos.happen(share_done=1 - open_slots(project) / (settings["items"] * settings["overlap"]))
                time.sleep(0.1)
            for person in people:
                person.is_over = True
            for each in working:
                each.result()
        for person in people:
            person.close()
    elapsed = time.monotonic() - began
    say(f"{open_slots(project)} slots are open after {elapsed:.0f} s")
    return {**settings, **happened(people, chaos), **outcome(project, people), "seconds": round(elapsed, 1)}


def open_slots(project: Project) -> int:
    """Judgements that are still wanted."""
    return Slot.objects.filter(project=project, is_done=False).count()


def happened(people: list[UnsteadyAnnotator], chaos: Chaos) -> dict[str, int]:
    """How often what went wrong."""
    return {
        "killed": chaos.killed,
        "left": len(chaos.left),
        "expired": chaos.expired,
        "submitted_twice": sum(person.twice for person in people),
        "sent_again": sum(person.again for person in people),
        "skipped": sum(person.skipped for person in people),
        "errors": sum(person.errors for person in people),
    }


def outcome(project: Project, people: list[UnsteadyAnnotator]) -> dict[str, int]:
    """What is stored, compared with what each item wants and with what was acknowledged."""
    stored = set(map(str, Label.objects.filter(project=project).values_list("client_id", flat=True)))
    acknowledged = [client_id for person in people for client_id in person.acknowledged]
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, {"project": project.pk})
        inexact, doubled, counted, extra = cursor.fetchone()
    return {
        "judgements": counted,
        "extra": extra,
        "acknowledged": len(acknowledged),
        "inexact_items": inexact,
        "lost": len(set(acknowledged) - stored),
        "doubled": doubled + len(acknowledged) - len(set(acknowledged)),
    }


# An item is inexact when its labels, its slots or its counter say another number than it wants. Doubled is a person
# with two labels of an item, and a member whose counters are not their labels.
COUNTED = """
WITH labels AS (
    SELECT item_id, count(*) FILTER (WHERE NOT is_extra) AS counted, count(*) AS stored,
        count(DISTINCT annotator_id) AS people
    FROM labeling_label WHERE project_id = %(project)s GROUP BY item_id
), slots AS (
    SELECT item_id, count(*) FILTER (WHERE is_done) AS done FROM labeling_slot WHERE project_id = %(project)s
    GROUP BY item_id
), members AS (
    SELECT member.num_submitted + member.num_extra - count(label.id) AS off
    FROM labeling_membership member LEFT JOIN labeling_label label
        ON label.project_id = member.project_id AND label.annotator_id = member.user_id
    WHERE member.project_id = %(project)s GROUP BY member.id
)
SELECT
    (SELECT count(*) FROM labeling_item item LEFT JOIN labels ON labels.item_id = item.id
        LEFT JOIN slots ON slots.item_id = item.id
     WHERE item.project_id = %(project)s AND (coalesce(labels.counted, 0), coalesce(slots.done, 0), item.num_judgements)
        IS DISTINCT FROM (item.overlap, item.overlap, item.overlap)),
    (SELECT count(*) FROM labels WHERE stored <> people) + (SELECT count(*) FROM members WHERE off <> 0),
    (SELECT count(*) FROM labeling_label WHERE project_id = %(project)s AND NOT is_extra),
    (SELECT count(*) FROM labeling_label WHERE project_id = %(project)s AND is_extra)
"""

__all__ = ["SETTINGS", "run"]
