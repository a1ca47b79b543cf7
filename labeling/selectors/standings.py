"""Reads of all judgements of a project by who wrote what was judged: outcomes, and flags.

Both read everything there is, once: what is made of it is computed beside the work and kept (alignment.seeing).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from labeling.models import Project
from labeling.quality.estimates import Estimate, clustered_wilson
from labeling.selectors.reliabilities import training_weights

CLUSTERS = 512
"""Prompts are put together into so many groups at most: what is kept of a million judgements then fits anywhere."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Comparisons of two writers that are alike.

    Attributes:
        first, second: keys of writers, the first one the lesser text: "policy:3", "person:7" (the user), "import:FILE".
        cluster: of the prompt.
        is_fair: of a blind evaluation or of the share that was chosen at random.
        longer: how much longer the first one's text is, (a - b) / (a + b) in bytes, rounded to a tenth.
        num: comparisons; ``wins``, ``ties`` and ``losses`` of the first sum up their weights, 1 for each judgement.
    """

    first: str
    second: str
    cluster: int
    is_fair: bool
    longer: float
    num: int
    wins: float
    ties: float
    losses: float


@dataclass(frozen=True, slots=True)
class FlagShares:
    """Of one writer's completions the shares on which flags were raised.

    Attributes:
        judged: completions that were judged, each as often as it was.
        completions, prompts: how many different ones.
        raised: how often each flag was, by its code.
        shares: with Wilson's interval for as many judgements as these are worth, since those of a prompt are alike.
    """

    writer: str
    judged: int
    completions: int
    prompts: int
    raised: dict[str, int]
    shares: dict[str, Estimate]


WRITER = """CASE {0}.origin WHEN 'policy' THEN 'policy:' || {0}.policy_version
    WHEN 'person' THEN 'person:' || {0}.author_id ELSE 'import:' || {1}.source END"""
# A pick says that it is better than each of the others and nothing about these: given that the pick is one of two, the
# chance of each is that of a comparison of the two (Luce, 1959). The weight of an annotator is 1 where none is given;
# below 0 what they say is turned around.
OUTCOMES = f"""
WITH compared AS (
    SELECT label.annotator_id, label.item_id, chosen_id, rejected_id, outcome = 'tie' AS is_tie, weight
    FROM labeling_label label
    JOIN labeling_comparison comparison ON comparison.label_id = label.id
    WHERE label.project_id = %(project)s AND label.superseded_by_id IS NULL
    UNION ALL
    SELECT label.annotator_id, label.item_id, label.best_id, other.completion_id, false,
        1.0 / count(*) OVER (PARTITION BY label.id)
    FROM labeling_label label
    JOIN labeling_itemcompletion other ON other.item_id = label.item_id AND other.completion_id <> label.best_id
    WHERE label.project_id = %(project)s AND label.superseded_by_id IS NULL AND label.kind = 'best'
), said AS (
    SELECT {WRITER.format("chosen", "prompt")} AS winner, {WRITER.format("rejected", "prompt")} AS loser,
        chosen.prompt_id %% %(clusters)s AS cluster, item.purpose = 'evaluation' OR item.is_random AS is_fair,
        round((octet_length(chosen.text) - octet_length(rejected.text))::numeric
            / greatest(octet_length(chosen.text) + octet_length(rejected.text), 1), 1) AS longer,
        is_tie, compared.weight * coalesce(weighed.weight, 1) AS weight
    FROM compared
    JOIN labeling_item item ON item.id = compared.item_id
    JOIN labeling_completion chosen ON chosen.id = chosen_id
    JOIN labeling_completion rejected ON rejected.id = rejected_id
    JOIN labeling_prompt prompt ON prompt.id = chosen.prompt_id
    LEFT JOIN unnest(%(annotators)s::bigint[], %(weights)s::float8[]) weighed (annotator, weight)
        ON weighed.annotator = compared.annotator_id
    WHERE item.purpose <> 'known' AND weighed.weight IS DISTINCT FROM 0
        AND (chosen.origin, chosen.policy_version, chosen.author_id)
            IS DISTINCT FROM (rejected.origin, rejected.policy_version, rejected.author_id)
), sides AS (
    SELECT winner, loser, cluster, is_fair, longer, is_tie, weight FROM said WHERE weight > 0
    UNION ALL
    SELECT loser, winner, cluster, is_fair, -longer, is_tie, -weight FROM said WHERE weight < 0
)
SELECT least(winner, loser), greatest(winner, loser), cluster, is_fair,
    CASE WHEN winner < loser THEN longer ELSE -longer END AS longer, count(*),
    coalesce(sum(weight) FILTER (WHERE NOT is_tie AND winner < loser), 0),
    coalesce(sum(weight) FILTER (WHERE is_tie), 0),
    coalesce(sum(weight) FILTER (WHERE NOT is_tie AND winner > loser), 0)
FROM sides GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
# All completions of an item are judged with it, and may be flagged, whatever it asks.
JUDGED = """
FROM labeling_label label
JOIN labeling_item item ON item.id = label.item_id
{rows}
JOIN labeling_completion written ON written.id = judged.completion_id
JOIN labeling_prompt prompt ON prompt.id = written.prompt_id
WHERE label.project_id = %(project)s AND label.superseded_by_id IS NULL AND label.source <> 'import'
    AND item.purpose <> 'known' AND label.kind <> 'demonstration'
"""
WITH_FLAGS = """JOIN labeling_rating judged ON judged.label_id = label.id AND cardinality(judged.flags) > 0
CROSS JOIN LATERAL unnest(judged.flags) AS flag"""
FLAGS = f"""
WITH judged AS MATERIALIZED (
    SELECT {WRITER.format("written", "prompt")} AS writer, written.prompt_id, count(*) AS num,
        count(DISTINCT written.id) AS different
    {JUDGED.format(rows="JOIN labeling_itemcompletion judged ON judged.item_id = item.id")}
    GROUP BY 1, 2
), raised AS (
    SELECT {WRITER.format("written", "prompt")} AS writer, written.prompt_id, flag, count(*) AS num
    {JUDGED.format(rows=WITH_FLAGS)}
    GROUP BY 1, 2, 3
)
SELECT writer, '' AS flag, sum(num)::bigint, sum(different)::bigint, count(*), sum(num * num)::float, 0
FROM judged GROUP BY writer
UNION ALL
SELECT raised.writer, flag, sum(raised.num)::bigint, 0, count(*), sum(raised.num * raised.num)::float,
    sum(raised.num * judged.num)::float
FROM raised JOIN judged USING (writer, prompt_id) GROUP BY raised.writer, flag
ORDER BY 1, 2
"""


def outcomes(project: Project | int) -> list[Outcomes]:
    """All current comparisons between different writers, put together where they are alike.

    Rankings, pairs and picks are comparisons; ratings are none, and what was asked to check the annotator is left out.
    Who counts less in training, where the project says so, counts as much less here.
    """
    weights = training_weights(_pk(project))
    parameters: dict[str, Any] = {
        "project": _pk(project),
        "clusters": CLUSTERS,
        "annotators": list(weights),
        "weights": list(weights.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(OUTCOMES, parameters)
        rows = [row for row in cursor.fetchall() if row[0] != row[1]]
    return [
        Outcomes(first, second, cluster, is_fair, float(longer), num, wins, ties, losses)
        for first, second, cluster, is_fair, longer, num, wins, ties, losses in rows
    ]


def flag_shares(project: Project) -> list[FlagShares]:
    """Of all that was judged, by writer: how often each flag of the project was raised; one query.

    Imported judgements are left out: nobody was asked for flags there. A flag of the past counts where it was raised.
    """
    with connection.cursor() as cursor:
        cursor.execute(FLAGS, {"project": project.pk})
        rows = cursor.fetchall()
    raised: defaultdict[str, dict[str, tuple[int, float, float]]] = defaultdict(dict)
    for writer, flag, num, _, _, squares, mixed in rows:
        if flag:
            raised[writer][flag] = (num, squares, mixed)
    return [
        _shares(writer, project.flags, raised[writer], judged=num, completions=different, prompts=prompts, squares=own)
        for writer, flag, num, different, prompts, own, _ in rows
        if not flag
    ]


def _shares(
    writer: str,
    asked: Sequence[str],
    raised: Mapping[str, tuple[int, float, float]],
    *,
    judged: int,
    completions: int,
    prompts: int,
    squares: float,
) -> FlagShares:
    found = {flag: raised.get(flag, (0, 0.0, 0.0)) for flag in [*asked, *sorted(set(raised) - set(asked))]}
    return FlagShares(
        writer=writer,
        judged=judged,
        completions=completions,
        prompts=prompts,
        raised={flag: num for flag, (num, _, _) in found.items()},
        shares={
            flag: clustered_wilson(num, judged, squares=(of_flag, mixed, squares))
            for flag, (num, of_flag, mixed) in found.items()
        },
    )


def _pk(project: Project | int) -> int:
    return project if isinstance(project, int) else project.pk
