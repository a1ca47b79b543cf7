"""Keeping figures up to date beside the work: each label is counted once, in a transaction with how far that went."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from labeling.models import Folded, Label, Project, Reliability
from labeling.quality import judged
from labeling.quality.known import evidence_by_annotator
from labeling.quality.reliability import reliabilities
from labeling.selectors.known import known_by_item
from labeling.selectors.quality import recent_judgements
from labeling.services.agreement import fold_agreement
from labeling.services.reviews import open_reviews
from labeling.services.standings import fold_standings, reweigh_standings
from labeling.services.trust import decide_all

CHUNK = 1_000
"""Labels that are counted in one transaction: a fifth of a second or so."""
FOLDED = ("label", "agreed_label", "standing_label", "standing_weights", "mark_label", "mark_xid")
FIT_LAST = 6_000
"""Judgements that reliabilities are fitted to."""
FIT_AFTER = 100
"""New labels after which they are fitted anew at once; a few wait for FIT_EVERY."""
FIT_EVERY = dt.timedelta(minutes=10)


def refresh(project: Project | int, *, chunks: int = 5, fits: bool = True) -> bool:
    """Count what is new in a project and fit reliabilities when it is time; whether more is left to be counted.

    Args:
        chunks: of at most 1,000 labels, each a transaction.
        fits: whether reliabilities may be fitted, which takes seconds: not while somebody waits for a page.

    Two who call at once do not wait for each other: the later one finds nothing to do.
    """
    pk = project if isinstance(project, int) else project.pk
    more = True
    while more and chunks:
        more = fold(pk)
        chunks -= 1
    if fits:
        fit_when_due(pk)
        reweigh_standings(pk)
    return more


@transaction.atomic
def fold(project_id: int) -> bool:
    """Count the next labels of a project; whether more are ready to be counted."""
    with connection.cursor() as cursor:
        project = Project.objects.filter(pk=project_id).first()
        if project is None:
            return False
        Folded.objects.bulk_create([Folded(project_id=project_id)], ignore_conflicts=True)
        folded = Folded.objects.select_for_update(skip_locked=True).filter(project=project_id).first()
        if folded is None:
            return False
        safe = _settled(cursor, folded)
        if ids := _next(project_id, folded.label, up_to=safe):
            last = ids[min(len(ids), CHUNK) - 1]
            for statement in (MADE, COMPARED, RATED):
                cursor.execute(statement, {"project": project_id, "after": folded.label, "last": last})
            open_reviews(project, after=folded.label, last=last)
            folded.label = last
        is_behind = _fold_agreement(cursor, folded, up_to=safe)
        is_behind |= _fold_standings(cursor, folded, up_to=safe)
        folded.save(update_fields=FOLDED)
    return is_behind or len(ids) > CHUNK


def _next(project_id: int, after: int, *, up_to: int) -> list[int]:
    """Ids of the next labels, one more than are counted at once."""
    newest = Label.objects.filter(project=project_id, pk__gt=after, pk__lte=up_to).order_by("pk")
    return list(newest.values_list("pk", flat=True)[: CHUNK + 1])


def _fold_standings(cursor: Any, folded: Folded, *, up_to: int) -> bool:
    """Count the next labels in the sums of the leaderboard, as in those of agreement."""
    if ids := _next(folded.project_id, folded.standing_label, up_to=up_to):
        fold_standings(cursor, folded, last=ids[min(len(ids), CHUNK) - 1])
    return len(ids) > CHUNK


def _fold_agreement(cursor: Any, folded: Folded, *, up_to: int) -> bool:
    """Count the next labels in the sums of agreement, too, which may have begun later; whether more are ready."""
    if ids := _next(folded.project_id, folded.agreed_label, up_to=up_to):
        last = ids[min(len(ids), CHUNK) - 1]
        fold_agreement(cursor, project_id=folded.project_id, after=folded.agreed_label, last=last)
        folded.agreed_label = last
    return len(ids) > CHUNK


def _settled(cursor: Any, folded: Folded) -> int:
    """Up to which label id nothing can come any more; sets the next mark.

    Ids are drawn before their transactions commit, so one with a lower id may appear late. What is stored now is
    settled when no transaction is open that writes labels, and else once all that are open now have ended. One that has
    no number yet has drawn its id at most a moment ago.
    """
    cursor.execute(WRITERS, {"project": folded.project_id, "mark": folded.mark_xid})
    newest, next_xid, num_open, num_unnumbered, num_before_mark = cursor.fetchone()
    if not num_open:
        folded.mark_label, folded.mark_xid = newest, next_xid
        return int(newest)
    if num_unnumbered or num_before_mark:
        return folded.label
    safe = folded.mark_label
    folded.mark_label, folded.mark_xid = newest, next_xid
    return safe


# Whoever writes a label holds this lock on the table from before its id is drawn. Transactions that do other things, an
# import of prompts for example, are not waited for. Numbers of locks have 32 bits and go round.
WRITERS = """
SELECT (SELECT coalesce(max(id), 0) FROM labeling_label WHERE project_id = %(project)s),
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
    count(*),
    count(*) FILTER (WHERE writer.xid IS NULL),
    count(*) FILTER (WHERE %(mark)s > 0 AND ((writer.xid::text::bigint - %(mark)s) & 4294967295) > 2147483648)
FROM (
    SELECT (
        SELECT own.transactionid FROM pg_locks own
        WHERE own.locktype = 'transactionid' AND own.mode = 'ExclusiveLock'
            AND own.virtualtransaction = held.virtualtransaction
        ORDER BY age(own.transactionid) DESC LIMIT 1
    ) AS xid
    FROM pg_locks held
    WHERE held.locktype = 'relation' AND held.mode = 'RowExclusiveLock' AND held.pid <> pg_backend_pid()
        AND held.relation = 'labeling_label'::regclass
        AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
) writer
"""
# Judgements that people made here, as they were first submitted: a revision says what somebody thinks in the end, and
# these say how they judge. A reviewer decides with those of others at hand; those of known answers would outweigh all
# others, since everybody judges them.
NEW = """
SELECT label.id, label.project_id, label.annotator_id, label.kind, label.item_id, label.assignment_id, label.seconds,
    (label.created AT TIME ZONE 'UTC')::date AS day
FROM labeling_label label
WHERE label.project_id = %(project)s AND label.id > %(after)s AND label.id <= %(last)s
    AND label.source NOT IN ('import', 'review') AND label.annotator_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM labeling_item item WHERE item.id = label.item_id AND item.purpose = 'known' OFFSET 0)
    AND NOT EXISTS (SELECT FROM labeling_label older WHERE older.superseded_by_id = label.id OFFSET 0)
"""
ADD = """
INSERT INTO labeling_dayfigures (project_id, annotator_id, kind, day, {names})
SELECT %(project)s, annotator_id, kind, day, {sums} FROM {rows} GROUP BY annotator_id, kind, day
ORDER BY annotator_id, kind, day
ON CONFLICT (project_id, annotator_id, kind, day) DO UPDATE SET {kept}
"""


def _add(rows: str, sums: dict[str, str], *, begin: str) -> str:
    """A statement that adds sums of ``rows`` to the figures of their people, kinds and days."""
    kept = ", ".join(f"{name} = labeling_dayfigures.{name} + EXCLUDED.{name}" for name in sums)
    return begin + ADD.format(names=", ".join(sums), sums=", ".join(sums.values()), rows=rows, kept=kept)


MADE = _add("new", {"judgements": "count(*)", "seconds": "sum(seconds)"}, begin=f"WITH new AS MATERIALIZED ({NEW})")
RATED = _add(
    """new CROSS JOIN LATERAL (
        SELECT value FROM labeling_rating WHERE label_id = new.id AND value IS NOT NULL OFFSET 0
    ) rating""",
    {"ratings": "count(*)", "fours": "count(*) FILTER (WHERE rating.value = 4)"},
    begin=f"WITH new AS MATERIALIZED ({NEW})",
)
# Who else judged the item before, by the same rule; then, on the comparisons that both made, whether they say the same.
# The winner of a comparison is kept in a column and the loser in another, those of a tie in any order. OFFSET 0 keeps
# each an index look-up per label: as joins the planner reads whole tables once they are large.
COMPARED = _add(
    "counted",
    {
        "pairs": "sum(pairs)",
        "same": "sum(same)",
        "later_pairs": "coalesce(sum(pairs) FILTER (WHERE is_later), 0)",
        "later_same": "coalesce(sum(same) FILTER (WHERE is_later), 0)",
        "square_pairs": "coalesce(sum(pairs * pairs) FILTER (WHERE is_later), 0)",
        "square_same": "coalesce(sum(same * same) FILTER (WHERE is_later), 0)",
        "pairs_by_same": "coalesce(sum(pairs * same) FILTER (WHERE is_later), 0)",
        "decided": "sum(decided)",
        "first_shown": "sum(first_shown)",
        "of_length": "sum(of_length)",
        "longer": "sum(longer)",
    },
    begin=f"""
WITH new AS MATERIALIZED ({NEW}), both_made AS MATERIALIZED (
    SELECT new.id, new.annotator_id, new.kind, new.day, other.annotator_id AS other_id, other.kind AS other_kind,
        (mine.outcome = theirs.outcome AND (mine.outcome = 'tie' OR mine.chosen_id = theirs.chosen_id))::int AS same
    FROM new CROSS JOIN LATERAL (
        SELECT label.id, label.annotator_id, label.kind FROM labeling_label label
        WHERE label.item_id = new.item_id AND label.id < new.id AND label.annotator_id <> new.annotator_id
            AND label.source NOT IN ('import', 'review')
            AND NOT EXISTS (SELECT FROM labeling_label older WHERE older.superseded_by_id = label.id) OFFSET 0
    ) other CROSS JOIN LATERAL (
        SELECT chosen_id, rejected_id, outcome FROM labeling_comparison WHERE label_id = new.id OFFSET 0
    ) mine CROSS JOIN LATERAL (
        SELECT chosen_id, rejected_id, outcome FROM labeling_comparison WHERE label_id = other.id OFFSET 0
    ) theirs
    WHERE least(theirs.chosen_id, theirs.rejected_id) = least(mine.chosen_id, mine.rejected_id)
        AND greatest(theirs.chosen_id, theirs.rejected_id) = greatest(mine.chosen_id, mine.rejected_id)
), won AS (
    SELECT new.id, new.annotator_id, new.kind, new.day,
        (array_position(shown."order", mine.chosen_id)
            < array_position(shown."order", mine.rejected_id))::int AS earlier,
        length(chosen.text) AS chosen_length, length(rejected.text) AS rejected_length
    FROM new CROSS JOIN LATERAL (
        SELECT chosen_id, rejected_id FROM labeling_comparison
        WHERE label_id = new.id AND outcome = 'win' OFFSET 0
    ) mine CROSS JOIN LATERAL (
        SELECT "order" FROM labeling_assignment WHERE id = new.assignment_id OFFSET 0
    ) shown CROSS JOIN LATERAL (
        SELECT text FROM labeling_completion WHERE id = mine.chosen_id OFFSET 0
    ) chosen CROSS JOIN LATERAL (
        SELECT text FROM labeling_completion WHERE id = mine.rejected_id OFFSET 0
    ) rejected
), counted AS (
    SELECT annotator_id, kind, day, true AS is_later, count(*) AS pairs, sum(same) AS same,
        0 AS decided, 0 AS first_shown, 0 AS of_length, 0 AS longer
    FROM both_made GROUP BY id, annotator_id, kind, day
    UNION ALL
    SELECT other_id, other_kind, day, false, count(*), sum(same), 0, 0, 0, 0
    FROM both_made GROUP BY other_id, other_kind, day
    UNION ALL
    SELECT annotator_id, kind, day, false, 0, 0, count(*), coalesce(sum(earlier), 0),
        count(*) FILTER (WHERE chosen_length <> rejected_length),
        count(*) FILTER (WHERE chosen_length > rejected_length)
    FROM won GROUP BY annotator_id, kind, day
)
""",
)


def fit_when_due(project_id: int) -> bool:
    """Fit reliabilities when enough was counted since the last time, or some and long ago; whether it was done."""
    folded = Folded.objects.filter(project=project_id).first()
    if folded is None or folded.label == folded.fitted_label:
        return False
    new = Label.objects.filter(project=project_id, pk__gt=folded.fitted_label, pk__lte=folded.label)
    is_long_ago = folded.fitted is None or timezone.now() - folded.fitted >= FIT_EVERY
    if not is_long_ago and len(new.values_list("pk")[:FIT_AFTER]) < FIT_AFTER:
        return False
    fit_reliabilities(project_id, up_to=folded.label)
    return True


def fit_reliabilities(project_id: int, *, up_to: int) -> None:
    """Fit Crowd-BT to the last judgements of a project and to their known answers, and decide who is trusted.

    Who is no longer among them keeps what was known of them.
    """
    rows = recent_judgements(project_id, last=FIT_LAST, with_known=True)
    answers = known_by_item({row.item for row in rows})
    groups = judged.shared(row for row in rows if row.item not in answers)
    found = reliabilities(groups, known=evidence_by_annotator(rows, answers))
    now = timezone.now()
    with transaction.atomic():
        Reliability.objects.bulk_create(
            [
                Reliability(
                    project_id=project_id,
                    annotator_id=annotator,
                    value=min(max(reliable.value, 0.0), 1.0),
                    low=reliable.low,
                    high=reliable.high,
                    comparisons=reliable.comparisons,
                    known=reliable.known,
                    known_right=reliable.known_right,
                    fitted=now,
                )
                for annotator, reliable in sorted(found.items())
            ],
            update_conflicts=True,
            unique_fields=["project", "annotator"],
            update_fields=["value", "low", "high", "comparisons", "known", "known_right", "fitted"],
        )
        decide_all(Project.objects.get(pk=project_id), found)
        Folded.objects.filter(project=project_id).update(fitted_label=up_to, fitted=now)
