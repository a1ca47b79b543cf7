"""Who writes best, by all comparisons: strengths with intervals, plain and at equal length, from plain values to JSON.

Comparisons that a selection rule picked are not like others: it asks where the reward model is unsure, so who is
compared with whom, and on which prompts, depends on what was known of them. Blind evaluations and the share that was
chosen at random are free of that: from them alone comes the board called "fair".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from labeling.exchange import seeing

if TYPE_CHECKING:
    from alignment.core.statistics.bradley_terry import Fit

SEED = 0
BASE = "policy:1"
FAIR, ALL = "fair", "all"


def boards(outcomes: Sequence[seeing.Outcomes], *, sft: str | None) -> dict[str, Any]:
    """The leaderboards of a project, as JSON: by which comparisons, then "plain" and at equal "length".

    Args:
        sft: key of the version that was fine-tuned on demonstrations, when there is one.
    """
    return {
        FAIR: _both([each for each in outcomes if each.is_fair], sft=sft),
        ALL: _both(outcomes, sft=sft),
    }


def _both(rows: Sequence[seeing.Outcomes], *, sft: str | None) -> dict[str, Any]:
    counts, direct = _counts(rows), _direct(rows)
    return {
        "plain": _board(_of_any_length(rows), counts, direct, sft=sft, with_length=False),
        "length": _board(rows, counts, direct, sft=sft, with_length=True),
    }


def _of_any_length(rows: Sequence[seeing.Outcomes]) -> list[seeing.Outcomes]:
    """The same, put together where only lengths differ: a fit without them takes a fraction of the time."""
    found: dict[tuple[str, str, int, bool], list[Any]] = {}
    for row in rows:
        sums = found.setdefault((row.first, row.second, row.cluster, row.is_fair), [0, 0.0, 0.0, 0.0])
        for at, value in enumerate((row.num, row.wins, row.ties, row.losses)):
            sums[at] += value
    return [
        seeing.Outcomes(first, second, cluster, is_fair, 0.0, *sums)
        for (first, second, cluster, is_fair), sums in found.items()
    ]


def board(rows: Sequence[seeing.Outcomes], *, sft: str | None = None, with_length: bool = False) -> dict[str, Any]:
    """One leaderboard: entries from the strongest on, and those that no comparison links to them.

    Strengths are in nats less that of the base, or of the first policy there is: at d, one wins e^d times as often as
    it loses. An entry's places are those that its pairwise 95 % intervals allow.
    """
    return _board(rows, _counts(rows), _direct(rows), sft=sft, with_length=with_length)


def _board(
    rows: Sequence[seeing.Outcomes],
    counts: dict[str, dict[str, float]],
    direct: Callable[[str, str], Any],
    *,
    sft: str | None,
    with_length: bool,
) -> dict[str, Any]:
    num = sum(row.num for row in rows)
    if not rows:
        return {"entries": [], "apart": [], "num": 0, "nu": None, "length_effect": None, "reference": None}
    # NumPy and SciPy take the web process a second and 60 MB, which only this page needs.
    from alignment.core.statistics.bradley_terry import connected, fit, outcomes

    writers = sorted(counts)
    place = {writer: at for at, writer in enumerate(writers)}
    parts = connected([place[row.first] for row in rows], [place[row.second] for row in rows], len(writers))
    reference = _reference(writers, parts)
    linked = [writer for writer, part in zip(writers, parts, strict=True) if part == parts[place[reference]]]
    place = {writer: at for at, writer in enumerate(linked)}
    kept = [row for row in rows if row.first in place]
    found = fit(
        outcomes(
            [place[row.first] for row in kept],
            [place[row.second] for row in kept],
            [row.wins for row in kept],
            [row.ties for row in kept],
            [row.losses for row in kept],
            clusters=[row.cluster for row in kept],
            longer=[row.longer for row in kept],
        ),
        len(linked),
        with_length=with_length,
    )
    ranks = found.ranks()
    entries: list[dict[str, Any]] = [
        {
            "writer": writer,
            **_strength(found, at, place[reference]),
            "rank": list(ranks[at]),
            **counts[writer],
            "against": {
                name: _against(found, at, place[other]) | {"direct": direct(writer, other)}
                for name, other in (("base", BASE), ("sft", sft))
                if other is not None and other in place and other != writer
            },
        }
        for writer, at in place.items()
    ]
    entries.sort(key=lambda entry: -entry["strength"])
    return {
        "entries": entries,
        "apart": [{"writer": writer, **counts[writer]} for writer in writers if writer not in place],
        "num": num,
        "nu": found.nu,
        "length_effect": list(found.length_effect) if found.length_effect else None,
        "reference": reference,
    }


def _counts(rows: Sequence[seeing.Outcomes]) -> dict[str, dict[str, float]]:
    """Of each writer: comparisons, and the weights of what was won, tied and lost."""
    found: defaultdict[str, dict[str, float]] = defaultdict(lambda: {"num": 0, "wins": 0.0, "ties": 0.0, "losses": 0.0})
    for row in rows:
        for writer, wins, losses in ((row.first, row.wins, row.losses), (row.second, row.losses, row.wins)):
            of = found[writer]
            of["num"] += row.num
            of["wins"] += wins
            of["ties"] += row.ties
            of["losses"] += losses
    return dict(found)


def _reference(writers: Sequence[str], parts: Sequence[int]) -> str:
    """Whom the others are measured by: the base, else the first policy of the largest part, else its first writer."""
    if BASE in writers:
        return BASE
    largest = Counter(parts).most_common(1)[0][0]
    there = [writer for writer, part in zip(writers, parts, strict=True) if part == largest]
    policies = [writer for writer in there if writer.startswith("policy:")]
    return min(policies, key=lambda writer: int(writer.partition(":")[2])) if policies else there[0]


def _strength(found: Fit, at: int, reference: int) -> dict[str, float]:
    from alignment.core.statistics.bradley_terry import Z

    middle, error = found.difference(at, reference)
    return {"strength": middle, "low": middle - Z * error, "high": middle + Z * error}


def _against(found: Fit, at: int, other: int) -> dict[str, Any]:
    rate, low, high = found.win_rate(at, other)
    return {"win_rate": rate, "low": low, "high": high}


def _direct(rows: Sequence[seeing.Outcomes]) -> Callable[[str, str], Any]:
    """How often one beat another where the two were compared, without a model, with an interval drawn by prompt."""
    by_pair: defaultdict[tuple[str, str], list[seeing.Outcomes]] = defaultdict(list)
    for row in rows:
        by_pair[row.first, row.second].append(row)

    @cache
    def of(writer: str, other: str) -> dict[str, Any] | None:
        from alignment.core.statistics.intervals import cluster_bootstrap

        first, second = sorted((writer, other))
        met = by_pair.get((first, second))
        if met is None:
            return None
        weights = [row.wins + row.ties + row.losses for row in met]
        won = [(row.wins if writer == first else row.losses) + row.ties / 2 for row in met]
        shares = [min(1.0, each / weight) for each, weight in zip(won, weights, strict=True)]
        clusters = [row.cluster for row in met]
        rate = cluster_bootstrap(shares, clusters, seed=SEED, weights=weights, bounds=(0.0, 1.0))
        num = sum(row.num for row in met)
        return {"win_rate": rate.estimate, "low": rate.low, "high": rate.high, "num": num}

    return of
