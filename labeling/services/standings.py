"""Keeping the sums that the leaderboard and the table of flags are made from, a few labels at a time.

What counts is what stands: a label that superseded another one takes that one's part out again. Sums are of whole
numbers, so that what is taken out leaves nothing behind: they are those of a full recount, whatever happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction

from labeling.models import Folded
from labeling.selectors.reliabilities import training_weights
from labeling.selectors.standings import CLUSTERS, FINE, SHARES, WEIGHTS

STEP = 0.02
"""By so much the weight of an annotator has to change before all that they judged is counted anew: less moves no figure
by a tenth of its interval."""


def fold_standings(cursor: Any, folded: Folded, *, last: int) -> None:
    """Count the labels up to this one; part of a transaction that holds the project's row of Folded, and saves it."""
    if not folded.standing_label:
        folded.standing_weights = _weights(folded.project_id)
    values = {"project": folded.project_id, "after": folded.standing_label, "last": last}
    cursor.execute(CHANGED, values)
    added, removed = cursor.fetchone() or ([], [])
    _count(cursor, folded.project_id, added=added or [], removed=removed or [], weights=folded.standing_weights)
    cursor.execute(FLAGS, {**values, "added": added or [], "removed": removed or [], "clusters": CLUSTERS})
    if removed:
        cursor.execute(NO_FLAGS, values)
    folded.standing_label = last


@transaction.atomic
def reweigh_standings(project_id: int) -> bool:
    """Count what annotators said anew whose weight has changed since; whether there were any."""
    folded = Folded.objects.select_for_update(skip_locked=True).filter(project=project_id).first()
    if folded is None or not folded.standing_label:
        return False
    kept, wanted = folded.standing_weights, _weights(project_id)
    changed = {who for who in kept.keys() | wanted.keys() if _has_moved(kept.get(who, 1.0), wanted.get(who, 1.0))}
    if not changed:
        return False
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"project": project_id, "last": folded.standing_label}
        values["people"] = [int(who) for who in changed]
        cursor.execute(OF_PEOPLE, values)
        labels = [row[0] for row in cursor.fetchall()]
        _count(cursor, project_id, added=[], removed=labels, weights=kept)
        new = {who: weight for who, weight in kept.items() if who not in changed}
        new |= {who: wanted[who] for who in changed if who in wanted}
        _count(cursor, project_id, added=labels, removed=[], weights=new)
    folded.standing_weights = new
    folded.save(update_fields=["standing_weights"])
    return True


def _weights(project_id: int) -> dict[str, float]:
    """By the ids of annotators, which are texts in JSON; those of 1 are left out."""
    return {str(who): weight for who, weight in training_weights(project_id).items() if weight != 1}


def _has_moved(kept: float, wanted: float) -> bool:
    return abs(kept - wanted) >= STEP or (kept == 0) != (wanted == 0)


def _count(cursor: Any, project_id: int, *, added: list[int], removed: list[int], weights: Mapping[str, float]) -> None:
    values = {
        "project": project_id,
        "added": added,
        "removed": removed,
        "clusters": CLUSTERS,
        "fine": FINE,
        "shares": SHARES,
        "whole": WEIGHTS,
        "annotators": [int(who) for who in weights],
        "weights": [round(weight * WEIGHTS) for weight in weights.values()],
    }
    cursor.execute(OUTCOMES, values)
    if removed:
        cursor.execute(NO_OUTCOMES, values)


WRITER = """(CASE {0}.origin WHEN 'policy' THEN 'policy:' || {0}.policy_version
    WHEN 'person' THEN 'person:' || {0}.author_id
    ELSE coalesce('model:' || {0}.model_id, 'import:' || coalesce({0}.source, {1}.source)) END COLLATE "C")"""
# Of the new labels those that stand when they are counted; of those that were counted the ones that they superseded.
# An imported one may have been superseded by one that came before it: then it never counts.
CHANGED = """
SELECT array_agg(label.id) FILTER (WHERE label.superseded_by_id IS NULL OR label.superseded_by_id > %(last)s),
    array_agg(older.id) FILTER (WHERE older.id <= %(after)s)
FROM labeling_label label LEFT JOIN labeling_label older ON older.superseded_by_id = label.id
WHERE label.project_id = %(project)s AND label.id > %(after)s AND label.id <= %(last)s
"""
OF_PEOPLE = """
SELECT id FROM labeling_label
WHERE project_id = %(project)s AND annotator_id = ANY(%(people)s) AND id <= %(last)s
    AND (superseded_by_id IS NULL OR superseded_by_id > %(last)s)
"""
LABELS = """changed AS MATERIALIZED (
    SELECT label.id, sign, label.annotator_id, label.item_id, label.kind, label.best_id, label.source
    FROM (SELECT unnest(%(added)s::bigint[]) AS id, 1 AS sign UNION ALL SELECT unnest(%(removed)s::bigint[]), -1) given
    CROSS JOIN LATERAL (SELECT * FROM labeling_label WHERE labeling_label.id = given.id OFFSET 0) label
)"""
WRITTEN = """CROSS JOIN LATERAL (
    SELECT written.*, {writer} AS writer FROM labeling_completion written
    JOIN labeling_prompt prompt ON prompt.id = written.prompt_id
    WHERE written.id = {{completion}} OFFSET 0
) {{name}}""".format(writer=WRITER.format("written", "prompt"))
# A pick says that it is better than each of the others and nothing about these: given that the pick is one of two, the
# chance of each is that of a comparison of the two (Luce, 1959). The weight of an annotator is 1 where none is given;
# below 0 what they say is turned around. OFFSET 0: as in services.figures.
OUTCOMES = f"""
WITH {LABELS}, compared AS (
    SELECT changed.sign, annotator_id, item_id, chosen_id, rejected_id, is_tie, part
    FROM changed CROSS JOIN LATERAL (
        SELECT chosen_id, rejected_id, outcome = 'tie' AS is_tie, round(weight * %(shares)s)::bigint AS part
        FROM labeling_comparison WHERE label_id = changed.id OFFSET 0
    ) decided
    UNION ALL
    SELECT changed.sign, annotator_id, item_id, best_id, other.completion_id, false,
        round(%(shares)s::numeric / count(*) OVER (PARTITION BY changed.id, sign))::bigint
    FROM changed CROSS JOIN LATERAL (
        SELECT completion_id FROM labeling_itemcompletion
        WHERE item_id = changed.item_id AND completion_id <> changed.best_id OFFSET 0
    ) other
    WHERE changed.kind = 'best'
), said AS (
    SELECT sign, chosen.writer AS winner, rejected.writer AS loser, chosen.prompt_id %% %(clusters)s AS cluster,
        item.purpose = 'evaluation' OR item.is_random AS is_fair,
        round(%(fine)s * (octet_length(chosen.text) - octet_length(rejected.text))::numeric
            / greatest(octet_length(chosen.text) + octet_length(rejected.text), 1))::int AS longer,
        is_tie, part * coalesce(weighed.weight, %(whole)s) AS weight
    FROM compared
    CROSS JOIN LATERAL (
        SELECT purpose, is_random FROM labeling_item
        WHERE id = compared.item_id AND purpose <> 'known' OFFSET 0
    ) item
    {WRITTEN.format(completion="chosen_id", name="chosen")}
    {WRITTEN.format(completion="rejected_id", name="rejected")}
    LEFT JOIN unnest(%(annotators)s::bigint[], %(weights)s::bigint[]) weighed (annotator, weight)
        ON weighed.annotator = compared.annotator_id
    WHERE weighed.weight IS DISTINCT FROM 0 AND chosen.writer <> rejected.writer
), sides AS (
    SELECT sign, winner, loser, cluster, is_fair, longer, is_tie, sign * weight AS weight FROM said WHERE weight > 0
    UNION ALL
    SELECT sign, loser, winner, cluster, is_fair, -longer, is_tie, sign * -weight FROM said WHERE weight < 0
)
INSERT INTO labeling_outcomesums AS kept (project_id, first, second, cluster, is_fair, longer, num, wins, ties, losses)
SELECT %(project)s, least(winner, loser), greatest(winner, loser), cluster, is_fair,
    CASE WHEN winner < loser THEN longer ELSE -longer END, sum(sign),
    coalesce(sum(weight) FILTER (WHERE NOT is_tie AND winner < loser), 0),
    coalesce(sum(weight) FILTER (WHERE is_tie), 0),
    coalesce(sum(weight) FILTER (WHERE NOT is_tie AND winner > loser), 0)
FROM sides GROUP BY 2, 3, 4, 5, 6 ORDER BY 2, 3, 4, 5, 6
ON CONFLICT (project_id, first, second, cluster, is_fair, longer) DO UPDATE SET num = kept.num + EXCLUDED.num,
    wins = kept.wins + EXCLUDED.wins, ties = kept.ties + EXCLUDED.ties, losses = kept.losses + EXCLUDED.losses
"""
NO_OUTCOMES = "DELETE FROM labeling_outcomesums WHERE project_id = %(project)s AND num = 0"
# All completions of an item are judged with it, and may be flagged, whatever it asks. One was judged before, or is now,
# if any label says so that counted then, or does now: most are found at once, by the first of their labels.
COUNTED = """label.id <= %({0})s AND (label.superseded_by_id IS NULL OR label.superseded_by_id > %({0})s)
        AND label.source <> 'import' AND label.kind <> 'demonstration'"""
IS_JUDGED = """EXISTS (
        SELECT FROM labeling_itemcompletion entry JOIN labeling_item item ON item.id = entry.item_id
        JOIN labeling_label label ON label.item_id = item.id
        WHERE entry.completion_id = {0} AND item.purpose <> 'known' AND {1}
    )"""
JUDGED_BEFORE, JUDGED_NOW = (IS_JUDGED.format("{0}", COUNTED.format(moment)) for moment in ("after", "last"))
OF_WRITER = """EXISTS (
        SELECT FROM labeling_completion written JOIN labeling_prompt prompt ON prompt.id = written.prompt_id
        WHERE written.prompt_id = news.prompt_id AND {writer} = news.writer AND {judged}
    )"""
FLAGS = f"""
WITH {LABELS}, judged AS MATERIALIZED (
    SELECT changed.sign, changed.id, written.id AS completion, written.writer, written.prompt_id
    FROM changed
    CROSS JOIN LATERAL (
        SELECT FROM labeling_item WHERE id = changed.item_id AND purpose <> 'known' OFFSET 0
    ) item
    CROSS JOIN LATERAL (
        SELECT completion_id FROM labeling_itemcompletion WHERE item_id = changed.item_id OFFSET 0
    ) entry
    {WRITTEN.format(completion="completion_id", name="written")}
    WHERE changed.source <> 'import' AND changed.kind <> 'demonstration'
), news AS MATERIALIZED (
    SELECT writer, prompt_id, completion,
        {JUDGED_NOW.format("completion")}::int - {JUDGED_BEFORE.format("completion")}::int AS more
    FROM (SELECT DISTINCT writer, prompt_id, completion FROM judged OFFSET 0) told
), asked AS (
    SELECT writer, prompt_id,
        {OF_WRITER.format(writer=WRITER.format("written", "prompt"), judged=JUDGED_NOW.format("written.id"))}::int
        - {OF_WRITER.format(writer=WRITER.format("written", "prompt"), judged=JUDGED_BEFORE.format("written.id"))}::int
        AS more
    FROM (SELECT DISTINCT writer, prompt_id FROM news WHERE more <> 0 OFFSET 0) news
), sums AS (
    SELECT writer, prompt_id, '' AS flag, sign AS num, 0 AS completions, 0 AS prompts FROM judged
    UNION ALL
    SELECT writer, prompt_id, '', 0, more, 0 FROM news
    UNION ALL
    SELECT writer, prompt_id, '', 0, 0, more FROM asked
    UNION ALL
    SELECT writer, prompt_id, flag, sign, 0, 0 FROM judged CROSS JOIN LATERAL (
        SELECT flags FROM labeling_rating
        WHERE label_id = judged.id AND completion_id = judged.completion AND cardinality(flags) > 0 OFFSET 0
    ) said CROSS JOIN LATERAL unnest(said.flags) AS flag
)
INSERT INTO labeling_flagsums AS kept (project_id, writer, cluster, flag, num, completions, prompts)
SELECT %(project)s, writer, prompt_id %% %(clusters)s, flag, sum(num), sum(completions), sum(prompts)
FROM sums GROUP BY 2, 3, 4 ORDER BY 2, 3, 4
ON CONFLICT (project_id, writer, cluster, flag) DO UPDATE SET num = kept.num + EXCLUDED.num,
    completions = kept.completions + EXCLUDED.completions, prompts = kept.prompts + EXCLUDED.prompts
"""
NO_FLAGS = "DELETE FROM labeling_flagsums WHERE project_id = %(project)s AND num = 0"
