"""Judgements per second: annotators who each submit and get the next item, over HTTP and the pages' own endpoints.

The web server is the one that `make run` starts, in a process of its own; the people are threads of this process, on
the same machine. What is stored is compared with what was acknowledged.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from labeling.models import Item, Label, Project, Slot
from tests.benchmarks.labeling_load.annotator import Annotator, Timed
from tests.benchmarks.labeling_load.cost import per_label, spent
from tests.benchmarks.labeling_load.queue import fill_queue, make_team, skip_oldest
from tests.benchmarks.labeling_load.web import serving

SETTINGS = {"annotators": 16, "items": 10_000, "seconds": 20, "overlap": 1, "completions": 4, "skipped": 0}
WARM_UP = 3
"""Judgements of each annotator before the clock starts."""


def run(*, say: Callable[[str], object], **settings: int) -> dict[str, Any]:
    """Labels per second, times of the requests in milliseconds, and whether the queue kept its promises.

    `submit_ms` is the one request of the page that submits and brings the next item; `next_ms` opens the page anew.
    With --skipped everybody has skipped so many of the oldest items before, which wait for others in front of them.
    """
    slug = f"load-{secrets.token_hex(3)}"
    began = time.monotonic()
    project, team = make_team(slug, annotators=settings["annotators"], overlap=settings["overlap"])
    fill_queue(project, items=settings["items"], completions=settings["completions"])
    if settings["skipped"]:
        skip_oldest(team, items=settings["skipped"])
    say(f"{settings['items']:,} items in {time.monotonic() - began:.0f} s")
    with serving() as server:
        pids = [process.pid for process in server.processes]
        people = [Annotator(server.address, slug=slug, user=user) for user in team]
        with ThreadPoolExecutor(len(people)) as pool:
            list(pool.map(lambda each: each.work(labels=WARM_UP), people))
            before, started = spent(web=pids), time.monotonic()
            worked = list(pool.map(lambda each: each.work(until=started + settings["seconds"]), people))
            elapsed, after = time.monotonic() - started, spent(web=pids)
        for person in people:
            person.close()
    stored = Label.objects.filter(project=project).count()
    acknowledged = len(people) * WARM_UP + sum(each.labels for each in worked)
    return {
        **settings,
        "labels_per_s": round(sum(each.labels for each in worked) / elapsed, 1),
        "cpu_ms_per_label": per_label(before, after, labels=sum(each.labels for each in worked)),
        "next_ms": percentiles([each for one in worked for each in one.next_ms]),
        "submit_ms": percentiles([each for one in worked for each in one.submit_ms]),
        "duplicates": duplicates(project),
        "lost": max(acknowledged - stored, 0),
        "errors": sum(each.errors for each in worked),
        "seconds": round(time.monotonic() - began, 1),
    }


def duplicates(project: Project) -> int:
    """Judgements over the overlap, slots that two labels share, and people who judged an item twice."""
    rows = Item.objects.raw(
        """
        SELECT item.id FROM labeling_item item JOIN labeling_label label ON label.item_id = item.id
        WHERE item.project_id = %s
        GROUP BY item.id
        HAVING count(label.id) FILTER (WHERE NOT label.is_extra) <> item.num_judgements
            OR count(DISTINCT label.annotator_id) <> count(label.id)
        """,
        [project.pk],
    )
    over = Slot.objects.filter(project=project, is_done=True).count() - sum(
        Item.objects.filter(project=project, num_judgements__gt=0).values_list("num_judgements", flat=True)
    )
    return len(list(rows)) + abs(over)


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99."""
    if not milliseconds:
        return {}
    return {f"p{share}": round(float(np.percentile(milliseconds, share)), 1) for share in (50, 95, 99)}


__all__ = ["SETTINGS", "Timed", "run"]
