"""Coefficients of agreement from sums that are kept, instead of from judgements.

Every coefficient of `agreement` is a function of sums over units, so the sums can be kept and added to as judgements
come. They are kept by blocks: each prompt is dealt into one of `BLOCKS`, and a bootstrap draws blocks as it would draw
prompts. With 32 of them it costs the same for a hundred units and for a hundred million. Its interval is widened to
that of Student's t with one degree of freedom less than there are blocks.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from labeling.quality.agreement import COEFFICIENTS
from labeling.quality.estimates import Estimate, Floats, divided, drawn

BLOCKS = 32
RESAMPLES = 500
Z = 1.959964

COMPARISONS, RATINGS, PICKS, RANKINGS, UNFLAGGED, FLAG = (
    "comparisons",
    "ratings",
    "picks",
    "rankings",
    "unflagged",
    "flag",
)
CATEGORIES = {COMPARISONS: 3, RATINGS: 7, PICKS: 9, UNFLAGGED: 2, FLAG: 2}
"""Of a comparison first, tie, second; the ratings; the places of completions by id; whether a flag was raised."""
TAU = "kendall_tau"
OFFERED = {
    COMPARISONS: ("pairwise_agreement", "alpha_ordinal", "alpha_nominal", "fleiss_kappa"),
    RATINGS: ("pairwise_agreement", "alpha_ordinal", "alpha_nominal", "fleiss_kappa"),
    PICKS: ("pairwise_agreement", "alpha_nominal", "fleiss_kappa"),
    RANKINGS: (TAU,),
    FLAG: ("pairwise_agreement", "gwet_ac1", "alpha_nominal"),
}
"""The coefficients that say something of each measure, the first of which a page shows first."""
PARTS = {"pairwise_agreement": 0, "alpha_nominal": 1, "alpha_ordinal": 1, "fleiss_kappa": 2, "gwet_ac1": 2}
"""Which part of the sums each coefficient is made from."""


def width(measure: str) -> int:
    """How many sums are kept of a measure in each block."""
    if measure == RANKINGS:
        return 2  # of Kendall's tau over pairs of people, and their number
    categories = CATEGORIES[measure]
    return 2 + categories**2 + 2 + categories


def contributions(counts: Floats) -> Floats:
    """What each unit with these counts (N, C) adds to the sums (N, 2 + C^2 + 2 + C); one of a single judge nothing.

    In order: agreeing and all ordered pairs of judges; coincidences; the share agreeing, 1, shares of categories.
    """
    size, categories = counts.shape
    found = np.zeros((size, 2 + categories**2 + 2 + categories))
    judged = counts.sum(axis=1) >= 2
    kept = counts[judged]
    parts = [COEFFICIENTS[name][0](kept) for name in ("pairwise_agreement", "alpha_nominal", "fleiss_kappa")]
    found[judged] = np.concatenate(parts, axis=1)
    return found


@cache
def of_two(categories: int) -> Floats:
    """What two judges of one unit add to the sums, by their categories (C * C, number of sums)."""
    each = np.eye(categories)
    return contributions((each[:, None, :] + each[None, :, :]).reshape(categories**2, categories))


def estimate(sums: Floats, measure: str, coefficient: str, *, seed: int = 0) -> Estimate:
    """A coefficient with its 95 % interval, from sums (BLOCKS, number of sums); ``units`` it was made from.

    Raises:
        ValueError: a coefficient that is not offered for the measure.
    """
    if coefficient not in OFFERED[measure]:
        raise ValueError(f"no {coefficient!r} of {measure}: choose from {', '.join(OFFERED[measure])}")
    units = sums[:, 1] if measure == RANKINGS else sums[:, 2 + CATEGORIES[measure] ** 2 + 1]
    number = round(float(units.sum()))
    if not number:
        return Estimate(np.nan, np.nan, np.nan, 0)
    held = sums[units > 0.5]
    value = float(_of(held.sum(axis=0, keepdims=True), measure, coefficient)[0])
    if len(held) < 2 or not np.isfinite(value):
        return Estimate(value, np.nan, np.nan, number)
    found = _of(_draws(len(held), seed) @ held, measure, coefficient)
    if not np.isfinite(found).any():
        return Estimate(value, np.nan, np.nan, number)
    low, high = np.nanquantile(found, [0.025, 0.975])
    wider = _wider(len(held))
    low, high = (float(np.clip(value + wider * (end - value), -1.0, 1.0)) for end in (low, high))
    return Estimate(value, low, high, number)


def two_agree(sums: Floats, *, seed: int = 0) -> Estimate:
    """How often two people agree on a comparison, one of whom says a tie: half; from sums of comparisons.

    It is the accuracy that a person reaches at predicting another, where a tie on either side counts a half: what a
    reward model can be measured against.
    """
    coincidences = sums[:, 2 : 2 + CATEGORIES[COMPARISONS] ** 2].reshape(-1, 3, 3)
    right = coincidences[:, 0, 0] + coincidences[:, 2, 2]
    of_all = coincidences.sum(axis=(1, 2))
    tied = coincidences[:, 1, :].sum(axis=1) + coincidences[:, :, 1].sum(axis=1) - coincidences[:, 1, 1]
    # As Kendall's tau is kept: a sum over units, and their number.
    found = estimate(np.stack([right + tied / 2, of_all], axis=1), RANKINGS, TAU, seed=seed)
    units = round(float(sums[:, 2 + CATEGORIES[COMPARISONS] ** 2 + 1].sum()))
    return Estimate(found.value, max(found.low, 0.0), min(found.high, 1.0), units)


def _of(sums: Floats, measure: str, coefficient: str) -> Floats:
    if coefficient == TAU:
        return divided(sums[:, 0], sums[:, 1])
    categories = CATEGORIES[measure]
    ends = np.cumsum([0, 2, categories**2, 2 + categories])
    part = PARTS[coefficient]
    return COEFFICIENTS[coefficient][1](sums[:, ends[part] : ends[part + 1]], categories)


@cache
def _draws(blocks: int, seed: int) -> Floats:
    """How often each block is in each resample: the same for every figure."""
    return drawn(blocks, RESAMPLES, seed)


def _wider(blocks: int) -> float:
    """Student's t over the normal quantile (its expansion to 1 / degrees of freedom), and the missing degree itself."""
    freedom = blocks - 1
    return float((1 + (Z**2 + 1) / (4 * freedom)) * np.sqrt(blocks / freedom))


def pack(sums: Floats) -> bytes:
    """As they are stored."""
    return bytes(np.ascontiguousarray(sums, dtype="<f8").tobytes())


def unpack(stored: bytes | memoryview, measure: str) -> Floats:
    """From what is stored."""
    return np.frombuffer(stored, dtype="<f8").reshape(BLOCKS, width(measure)).astype(np.float64)
