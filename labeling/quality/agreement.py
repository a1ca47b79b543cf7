"""Agreement of judges beyond what chance gives: several coefficients on one table of counts.

Each coefficient takes ``counts`` (N, C): how many judges put unit n into category c. Judges need not be the same from
unit to unit, and units judged by one person alone say nothing about agreement and are left out. Each is a function of
sums over units, so a bootstrap only weighs the units anew (`interval`).

| coefficient | chance is | good for |
| --- | --- | --- |
| pairwise_agreement | not taken out | comparing with papers: InstructGPT's labelers agree on 72.6 +- 1.5 % |
| krippendorff_alpha | all values of all judges, without replacement | any number of judges, ordered scales |
| fleiss_kappa | all values of all judges | comparing with papers |
| gwet_ac1 | from how spread out the categories are | rare flags, where kappa and alpha fall to 0 although all agree |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from labeling.quality.estimates import Estimate, Floats, bootstrap, divided

Coefficient = Callable[[Floats, Floats], Floats]


def table(units: ArrayLike, categories: ArrayLike, *, num_categories: int) -> Floats:
    """Counts (N, C) from one row per judgement: the unit's number 0..N-1 and the category's 0..C-1.

    Raises:
        ValueError: arrays of different lengths, or a category outside 0..C-1.
    """
    rows, columns = np.asarray(units, dtype=np.intp), np.asarray(categories, dtype=np.intp)
    if rows.shape != columns.shape:
        raise ValueError(f"{rows.size} units for {columns.size} categories: give one of each per judgement")
    outside = columns[(columns < 0) | (columns >= num_categories)]
    if outside.size:
        raise ValueError(f"category {outside[0]} is not one of 0..{num_categories - 1}")
    counts = np.zeros((int(rows.max(initial=-1)) + 1, num_categories))
    np.add.at(counts, (rows, columns), 1.0)
    return counts


def pairwise_agreement(counts: ArrayLike) -> float:
    """Share of pairs of judges of one unit who chose the same category, over all such pairs."""
    return _value(_pairwise, counts)


def krippendorff_alpha(counts: ArrayLike, *, level: Literal["nominal", "ordinal"] = "nominal") -> float:
    """Krippendorff's alpha: 1 - observed / expected disagreement (Computing Krippendorff's Alpha-Reliability, 2011).

    Args:
        level: ``ordinal`` counts a disagreement by how many judgements lie between the two categories, squared.
    """
    return _value(_alpha(level), counts)


def fleiss_kappa(counts: ArrayLike) -> float:
    """Fleiss' kappa (1971, eq. 8); where units have different numbers of judges, each unit counts the same."""
    return _value(_fleiss, counts)


def gwet_ac1(counts: ArrayLike) -> float:
    """Gwet's AC1 (2008, eq. 3 to 5): chance agreement sum_c q_c (1 - q_c) / (C - 1), with q_c the mean share of c."""
    return _value(_ac1, counts)


def kendall_tau(first: ArrayLike, second: ArrayLike) -> float:
    """Kendall's tau-b of two rankings of the same completions: 1 same order, -1 reversed; NaN when one is all ties."""
    one, other = np.asarray(first, dtype=np.float64).ravel(), np.asarray(second, dtype=np.float64).ravel()
    return float(stats.kendalltau(one, other, variant="b").statistic)


def interval(
    counts: ArrayLike,
    coefficient: str,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A coefficient with its percentile bootstrap interval over units.

    Args:
        coefficient: a name in `COEFFICIENTS`.
        clusters: (N,) integers; units of one cluster (completions of one prompt) are drawn together.

    Raises:
        ValueError: no such coefficient.
    """
    if coefficient not in COEFFICIENTS:
        raise ValueError(f"no coefficient {coefficient!r}: choose from {', '.join(COEFFICIENTS)}")
    whole = np.asarray(counts, dtype=np.float64)
    judged = whole.sum(axis=1) >= 2
    kept, compute = whole[judged], COEFFICIENTS[coefficient]
    return bootstrap(
        lambda weights: compute(kept, weights),
        size=len(kept),
        clusters=None if clusters is None else np.asarray(clusters)[judged],
        level=level,
        resamples=resamples,
        seed=seed,
    )


def _value(coefficient: Coefficient, counts: ArrayLike) -> float:
    whole = np.asarray(counts, dtype=np.float64)
    kept = whole[whole.sum(axis=1) >= 2]
    return float(coefficient(kept, np.ones((1, len(kept))))[0]) if len(kept) else float("nan")


def _pairwise(counts: Floats, weights: Floats) -> Floats:
    judges = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1)
    return divided(weights @ agreeing, weights @ (judges * (judges - 1)))


def _alpha(level: str) -> Coefficient:
    def coefficient(counts: Floats, weights: Floats) -> Floats:
        judges = counts.sum(axis=1)
        num_categories = counts.shape[1]
        # Coincidences of a unit: each ordered pair of its judgements, 1 / (judges - 1) each.
        pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(num_categories)
        per_unit = (pairs / (judges - 1)[:, None, None]).reshape(len(counts), -1)
        observed = (weights @ per_unit).reshape(-1, num_categories, num_categories)
        totals = observed.sum(axis=2)  # (R, C)
        expected = totals[:, :, None] * totals[:, None, :] - totals[:, :, None] * np.eye(num_categories)
        distance = _ordinal(totals) if level == "ordinal" else 1.0 - np.eye(num_categories)
        disagreement = (observed * distance).sum(axis=(1, 2))
        by_chance = (expected * distance).sum(axis=(1, 2)) / np.maximum(totals.sum(axis=1) - 1, 1e-12)
        return 1.0 - divided(disagreement, by_chance)

    return coefficient


def _ordinal(totals: Floats) -> Floats:
    """Squared distances of categories (R, C, C): judgements between the two, and half of each of theirs."""
    upto = np.cumsum(totals, axis=1) - totals / 2
    return (upto[:, :, None] - upto[:, None, :]) ** 2


def _shares(counts: Floats) -> tuple[Floats, Floats]:
    """Of each unit: its share of agreeing pairs (N,), and of each category (N, C)."""
    judges = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1) / (judges * (judges - 1))
    return agreeing, counts / judges[:, None]


def _beyond(agreed: Floats, by_chance: Floats) -> Floats:
    return divided(agreed - by_chance, 1.0 - by_chance)


def _fleiss(counts: Floats, weights: Floats) -> Floats:
    agreeing, shares = _shares(counts)
    units = weights.sum(axis=1)
    prevalence = (weights @ shares) / units[:, None]
    return _beyond((weights @ agreeing) / units, (prevalence**2).sum(axis=1))


def _ac1(counts: Floats, weights: Floats) -> Floats:
    agreeing, shares = _shares(counts)
    units = weights.sum(axis=1)
    prevalence = (weights @ shares) / units[:, None]
    by_chance = (prevalence * (1 - prevalence)).sum(axis=1) / (counts.shape[1] - 1)
    return _beyond((weights @ agreeing) / units, by_chance)


COEFFICIENTS: dict[str, Coefficient] = {
    "pairwise_agreement": _pairwise,
    "alpha_nominal": _alpha("nominal"),
    "alpha_ordinal": _alpha("ordinal"),
    "fleiss_kappa": _fleiss,
    "gwet_ac1": _ac1,
}
"""By name, for `interval`: functions of counts (N, C) and weights (R, N) of the units, to (R,)."""
