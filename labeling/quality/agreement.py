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

from labeling.quality.estimates import Estimate, Floats, bootstrap, divided

Coefficient = tuple[Callable[[Floats], Floats], Callable[[Floats, int], Floats]]
"""What of each unit's counts (N, C) is summed up, (N, F); and the coefficient (R,) of such sums (R, F) and C."""


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
    return _value("pairwise_agreement", counts)


def krippendorff_alpha(counts: ArrayLike, *, level: Literal["nominal", "ordinal"] = "nominal") -> float:
    """Krippendorff's alpha: 1 - observed / expected disagreement (Computing Krippendorff's Alpha-Reliability, 2011).

    Args:
        level: ``ordinal`` counts a disagreement by how many judgements lie between the two categories, squared.
    """
    return _value(f"alpha_{level}", counts)


def fleiss_kappa(counts: ArrayLike) -> float:
    """Fleiss' kappa (1971, eq. 8); where units have different numbers of judges, each unit counts the same."""
    return _value("fleiss_kappa", counts)


def gwet_ac1(counts: ArrayLike) -> float:
    """Gwet's AC1 (2008, eq. 3 to 5): chance agreement sum_c q_c (1 - q_c) / (C - 1), with q_c the mean share of c."""
    return _value("gwet_ac1", counts)


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
    features, of_sums = COEFFICIENTS[coefficient]
    return bootstrap(
        features(whole[judged]),
        lambda sums: of_sums(sums, whole.shape[1]),
        clusters=None if clusters is None else np.asarray(clusters)[judged],
        level=level,
        resamples=resamples,
        seed=seed,
    )


def _value(coefficient: str, counts: ArrayLike) -> float:
    whole = np.asarray(counts, dtype=np.float64)
    kept = whole[whole.sum(axis=1) >= 2]
    features, of_sums = COEFFICIENTS[coefficient]
    return float(of_sums(features(kept).sum(axis=0, keepdims=True), whole.shape[1])[0])


def _agreeing(counts: Floats) -> tuple[Floats, Floats]:
    """Of each unit: ordered pairs of judgements that agree, and all of them."""
    judges = counts.sum(axis=1)
    return (counts * (counts - 1)).sum(axis=1), judges * (judges - 1)


def _pairs(counts: Floats) -> Floats:
    return np.stack(_agreeing(counts), axis=1)


def _pairwise(sums: Floats, _: int) -> Floats:
    return divided(sums[:, 0], sums[:, 1])


def _coincidences(counts: Floats) -> Floats:
    """Of each unit: every ordered pair of its judgements, 1 / (judges - 1) each."""
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(counts.shape[1])
    per_unit: Floats = pairs / (counts.sum(axis=1) - 1)[:, None, None]
    return per_unit.reshape(len(counts), counts.shape[1] ** 2)


def _alpha(level: str) -> Callable[[Floats, int], Floats]:
    def of_sums(sums: Floats, num_categories: int) -> Floats:
        observed = sums.reshape(-1, num_categories, num_categories)
        totals = observed.sum(axis=2)  # (R, C)
        expected = totals[:, :, None] * totals[:, None, :] - totals[:, :, None] * np.eye(num_categories)
        distance = _ordinal(totals) if level == "ordinal" else 1.0 - np.eye(num_categories)
        disagreement = (observed * distance).sum(axis=(1, 2))
        by_chance = (expected * distance).sum(axis=(1, 2)) / np.maximum(totals.sum(axis=1) - 1, 1e-12)
        return 1.0 - divided(disagreement, by_chance)

    return of_sums


def _ordinal(totals: Floats) -> Floats:
    """Squared distances of categories (R, C, C): judgements between the two, and half of each of theirs."""
    upto = np.cumsum(totals, axis=1) - totals / 2
    squared: Floats = (upto[:, :, None] - upto[:, None, :]) ** 2
    return squared


def _shares(counts: Floats) -> Floats:
    """Of each unit: its share of agreeing pairs, 1 for the unit itself, and the share of each category."""
    agreeing, pairs = _agreeing(counts)
    return np.column_stack([agreeing / pairs, np.ones(len(counts)), counts / counts.sum(axis=1)[:, None]])


def _beyond(sums: Floats, by_chance: Callable[[Floats], Floats]) -> Floats:
    """(observed - chance) / (1 - chance), with chance from the mean shares of the categories."""
    agreed, prevalence = (
        divided(sums[:, 0], sums[:, 1]),
        divided(sums[:, 2:], np.broadcast_to(sums[:, 1:2], sums[:, 2:].shape)),
    )
    chance = by_chance(prevalence)
    return divided(agreed - chance, 1.0 - chance)


def _fleiss(sums: Floats, _: int) -> Floats:
    return _beyond(sums, lambda prevalence: (prevalence**2).sum(axis=1))


def _ac1(sums: Floats, num_categories: int) -> Floats:
    return _beyond(sums, lambda prevalence: (prevalence * (1 - prevalence)).sum(axis=1) / (num_categories - 1))


COEFFICIENTS: dict[str, Coefficient] = {
    "pairwise_agreement": (_pairs, _pairwise),
    "alpha_nominal": (_coincidences, _alpha("nominal")),
    "alpha_ordinal": (_coincidences, _alpha("ordinal")),
    "fleiss_kappa": (_shares, _fleiss),
    "gwet_ac1": (_shares, _ac1),
}
"""By name, for `interval`."""
