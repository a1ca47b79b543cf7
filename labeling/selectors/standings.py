"""Reads of all judgements of a project by who wrote what was judged: outcomes, and flags.

Both read sums that services.standings keeps, so that they cost the same however much was judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from labeling.models import Folded, Project
from labeling.quality.estimates import Estimate, clustered_wilson

CLUSTERS = 32
"""Prompts are dealt out to so many groups, as in quality.sums, so that what is kept does not grow with them. Whoever
changes this has to have all sums counted anew, as with the next."""
FINE = 5
"""How much longer a text is, is kept in fifths: finer ones say nothing more of what length is worth."""
SHARES, WEIGHTS = 2520, 10_000
"""Every 1 / C(k,2) and 1 / (k - 1) is a whole number of 2520ths for up to 9 completions; what an annotator counts is
one of ten-thousandths (quality.reliability.weight)."""
UNITS = SHARES * WEIGHTS
"""In what is kept, so many are a whole judgement."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Comparisons of two writers that are alike.

    Attributes:
        first, second: keys of writers, the first one the lesser text: "policy:3", "person:7" (the
            user), "model:5" (one that files name), "import:FILE".
        cluster: of the prompt.
        is_fair: of a blind evaluation or of the share that was chosen at random.
        longer: how much longer the first one's text is, (a - b) / (a + b) in bytes, rounded to a fifth.
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


@dataclass(frozen=True, slots=True)
class Counted:
    """How far the judgements of a project are counted in the sums.

    Attributes:
        label: the last one.
        weights: what each annotator's judgements count, where it is not 1.
    """

    label: int
    weights: dict[str, float]


def counted(project_id: int) -> Counted:
    """How far it is counted; nothing at first."""
    found = Folded.objects.filter(project=project_id).values_list("standing_label", "standing_weights").first()
    return Counted(*found) if found else Counted(0, {})


# Many in one row: the server and Python pass an array in the time of ten rows.
OUTCOMES = """
SELECT first, second, array_agg(cluster), array_agg(is_fair), array_agg(longer), array_agg(num), array_agg(wins),
    array_agg(ties), array_agg(losses)
FROM (
    SELECT * FROM labeling_outcomesums WHERE project_id = %(project)s
    ORDER BY first COLLATE "C", second COLLATE "C", cluster, is_fair, longer
) kept
GROUP BY first, second ORDER BY first COLLATE "C", second COLLATE "C"
"""
FLAGS = """
WITH judged AS MATERIALIZED (
    SELECT writer, cluster, num, completions, prompts FROM labeling_flagsums
    WHERE project_id = %(project)s AND flag = ''
)
SELECT writer, '' AS flag, sum(num)::bigint, sum(completions)::bigint, sum(prompts)::bigint, sum(num * num)::float, 0
FROM judged GROUP BY writer
UNION ALL
SELECT writer, flag, sum(raised.num)::bigint, 0, 0, sum(raised.num * raised.num)::float,
    sum(raised.num * judged.num)::float
FROM labeling_flagsums raised JOIN judged USING (writer, cluster)
WHERE raised.project_id = %(project)s AND flag <> '' GROUP BY writer, flag
ORDER BY 1, 2
"""


def outcomes(project: Project | int) -> list[Outcomes]:
    """All current comparisons between different writers that are counted, put together where they are alike.

    Rankings, pairs and picks are comparisons; ratings are none, and what was asked to check the annotator is left out.
    Who counts less in training, where the project says so, counts as much less here.
    """
    with connection.cursor() as cursor:
        cursor.execute(OUTCOMES, {"project": _pk(project)})
        rows = cursor.fetchall()
    return [
        Outcomes(first, second, cluster, is_fair, longer / FINE, num, wins / UNITS, ties / UNITS, losses / UNITS)
        for first, second, *columns in rows
        for cluster, is_fair, longer, num, wins, ties, losses in zip(*columns, strict=True)
    ]


def flag_shares(project: Project) -> list[FlagShares]:
    """Of all that was judged and is counted, by writer: how often each flag of the project was raised; one query.

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
