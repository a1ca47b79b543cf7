"""Rows per second of an export: 100,000 judged items, in every format, written as `manage.py export_preferences` does.

The figures on top are those of JSON lines. What is written is counted and digested, and thrown away.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from labeling.exports.streams import FileFormat, make_export
from labeling.models import Project
from tests.benchmarks.labeling_load.memory import forget_peak, peak_mb
from tests.benchmarks.labeling_load.queue import STATEMENTS, make_team

SETTINGS = {"items": 100_000, "completions": 4, "words": 10, "rounds": 3}
FORMATS = (FileFormat.JSONL, FileFormat.CSV, FileFormat.PARQUET)
VIEWS = ("rankings", "comparisons")


def run(*, say: Callable[[str], object], items: int, completions: int, words: int, rounds: int) -> dict[str, Any]:
    """Seconds (the best of the rounds) and the peak of memory for each view and format."""
    began = time.monotonic()
    slug = f"export-{secrets.token_hex(3)}"
    project, _ = make_team(slug, annotators=8, overlap=1)
    fill_judged(project, items=items, completions=completions, words=words)
    say(f"{items:,} judged items in {time.monotonic() - began:.0f} s")
    views: dict[str, dict[str, Any]] = {view: {} for view in VIEWS}
    for file_format in FORMATS:
        for view in VIEWS:
            views[view][str(file_format)] = measured(project, view=view, file_format=file_format, rounds=rounds)
            say(f"{view} as {file_format}: {views[view][str(file_format)]}")
    return {"items": items, "completions": completions, **views["rankings"]["jsonl"], "format": "jsonl", "views": views}


def measured(project: Project, *, view: str, file_format: FileFormat, rounds: int) -> dict[str, Any]:
    """One view in one format: the best of the rounds, which have to give equal bytes."""
    seconds, cpu, digests = [], [], set()
    forget_peak()
    for _ in range(rounds):
        export = make_export(project=project, view=view, file_format=file_format)
        began, used = time.perf_counter(), time.process_time()
        for _ in export.stream():
            pass
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
        digests.add(export.manifest()["sha256"])
    if len(digests) > 1:
        raise RuntimeError(f"{view} as {file_format} has other bytes each time: {digests}")
    return {
        "rows": export.counts["rows"],
        "seconds": round(min(seconds), 2),
        "cpu_seconds": round(min(cpu), 2),
        "all_seconds": [round(each, 2) for each in seconds],
        "peak_mb": round(peak_mb(), 1),
        "mb": round(export.num_bytes / 1e6, 1),
    }


@transaction.atomic
def fill_judged(project: Project, *, items: int, completions: int, words: int) -> None:
    """Items, each with a complete ranking, as the services store them, written by the database itself."""
    prompts, _, *rest = STATEMENTS
    values = {"project": project.pk, "items": items, "completions": completions, "words": words, "overlap": 1}
    with connection.cursor() as cursor:
        for statement in (prompts, COMPLETIONS, *rest, *JUDGED):
            cursor.execute(statement, values)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


COMPLETIONS = """
INSERT INTO labeling_completion (prompt_id, text, digest, origin, policy_version, created)
SELECT prompt_id, text, encode(sha256(convert_to(text, 'UTF8')), 'hex'), 'policy', 1, now() FROM (
    SELECT prompt.id AS prompt_id, k,
        (SELECT string_agg(md5(prompt.id || ' ' || k || ' ' || w), ' ') FROM generate_series(1, %(words)s) w) AS text
    FROM labeling_prompt prompt, generate_series(1, %(completions)s) k WHERE project_id = %(project)s
) written ORDER BY prompt_id, k
"""

JUDGED = (
    """
    INSERT INTO labeling_assignment
        (item_id, annotator_id, state, lease_expires, "order", draft, skip_reason, created, changed)
    SELECT item.id, (SELECT user_id FROM labeling_membership member
            WHERE member.project_id = %(project)s AND role = 'annotator' ORDER BY id OFFSET item.id %% 8 LIMIT 1),
        'submitted', now(), '{}', '{}', '', now(), now()
    FROM labeling_item item WHERE item.project_id = %(project)s ORDER BY item.id
    """,
    """
    UPDATE labeling_slot slot SET is_done = true, assignment_id = assignment.id
    FROM labeling_assignment assignment WHERE assignment.item_id = slot.item_id AND slot.project_id = %(project)s
    """,
    """
    UPDATE labeling_item SET num_judgements = 1 WHERE project_id = %(project)s
    """,
    """
    INSERT INTO labeling_label (project_id, item_id, assignment_id, annotator_id, client_id, fingerprint, source, kind,
        notes, seconds, is_extra, created)
    SELECT %(project)s, item.id, assignment.id, assignment.annotator_id, gen_random_uuid(), '', 'person', 'ranking',
        '', 12.5 + item.id %% 60, false, now() - interval '90 days' + item.id %% 7776000 * interval '1 second'
    FROM labeling_item item JOIN labeling_assignment assignment ON assignment.item_id = item.id
    WHERE item.project_id = %(project)s ORDER BY item.id
    """,
    """
    INSERT INTO labeling_rating (label_id, completion_id, value, flags)
    SELECT label.id, entry.completion_id, 1 + entry.completion_id %% 7,
        CASE WHEN entry.completion_id %% 20 = 0 THEN '{opinion}'::text[] ELSE '{}' END
    FROM labeling_label label JOIN labeling_itemcompletion entry ON entry.item_id = label.item_id
    WHERE label.project_id = %(project)s ORDER BY label.id, entry.position
    """,
    """
    INSERT INTO labeling_rank (label_id, completion_id, rank)
    SELECT label.id, entry.completion_id, greatest(1, entry.position + label.id %% 2)
    FROM labeling_label label JOIN labeling_itemcompletion entry ON entry.item_id = label.item_id
    WHERE label.project_id = %(project)s ORDER BY label.id, entry.position
    """,
    """
    INSERT INTO labeling_comparison (label_id, chosen_id, rejected_id, outcome, weight)
    SELECT first.label_id, first.completion_id, second.completion_id,
        CASE WHEN first.rank = second.rank THEN 'tie' ELSE 'win' END,
        2.0 / (%(completions)s * (%(completions)s - 1))
    FROM labeling_label label JOIN labeling_rank first ON first.label_id = label.id
        JOIN labeling_rank second ON second.label_id = label.id AND second.completion_id > first.completion_id
    WHERE label.project_id = %(project)s ORDER BY label.id, first.completion_id, second.completion_id
    """,
)
