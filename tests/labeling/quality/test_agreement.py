"""Coefficients of agreement against published worked examples."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.quality.agreement import (
    fleiss_kappa,
    gwet_ac1,
    interval,
    krippendorff_alpha,
    pairwise_agreement,
    table,
)

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve units, values 1-5.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
KRIPPENDORFF = table(
    *zip(*[(unit, value - 1) for row in OBSERVERS for unit, value in enumerate(row) if value is not None], strict=True),
    num_categories=5,
)
# Fleiss (1971) as worked through in many textbooks: 14 judges, 10 subjects, 5 categories.
FLEISS = np.array(
    [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]
)  # fmt: skip
# Gwet (2002): two judges say yes 118 times together, disagree 5 and 2 times, and never say no together.
RARE = np.array([[2, 0]] * 118 + [[1, 1]] * 7)


def test_alpha_gives_the_published_values_for_nominal_and_ordinal_data():
    assert krippendorff_alpha(KRIPPENDORFF) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(KRIPPENDORFF, level="ordinal") == pytest.approx(0.815, abs=5e-4)


def test_fleiss_kappa_gives_the_published_value():
    assert fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=5e-4)


def test_ac1_survives_a_rare_flag_on_which_kappa_and_alpha_fall_to_zero():
    assert gwet_ac1(RARE) == pytest.approx(0.9408, abs=5e-5)
    assert fleiss_kappa(RARE) == pytest.approx(-0.0288, abs=5e-5)
    assert abs(krippendorff_alpha(RARE)) < 0.03


def test_pairwise_agreement_counts_pairs_of_judges():
    # Three of one unit's six pairs agree, and the only pair of the other unit does.
    assert pairwise_agreement([[3, 1], [0, 2]]) == pytest.approx(4 / 7)


def test_units_that_one_person_judged_say_nothing():
    alone = np.vstack([FLEISS, [[1, 0, 0, 0, 0]] * 50])

    assert fleiss_kappa(alone) == fleiss_kappa(FLEISS)
    assert krippendorff_alpha(alone) == krippendorff_alpha(FLEISS)
    assert gwet_ac1(alone) == gwet_ac1(FLEISS)


def test_judges_who_agree_in_everything_and_those_who_answer_by_chance():
    rng = np.random.default_rng(0)
    chance = rng.multinomial(3, [0.2, 0.3, 0.5], size=20_000)
    same = np.eye(3)[rng.integers(0, 3, size=50)] * 4

    for coefficient in (krippendorff_alpha, fleiss_kappa):
        assert coefficient(same) == pytest.approx(1.0)
        assert coefficient(chance) == pytest.approx(0.0, abs=0.015)
    assert pairwise_agreement(chance) == pytest.approx(0.2**2 + 0.3**2 + 0.5**2, abs=0.01)


def test_nothing_can_be_said_where_all_chose_one_category_or_nobody_judged_twice():
    assert np.isnan(krippendorff_alpha([[3, 0], [2, 0]]))
    assert np.isnan(pairwise_agreement([[1, 0]]))
    assert np.isnan(gwet_ac1(np.zeros((0, 3))))


def test_the_interval_holds_the_truth_in_19_of_20_projects():
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(200):
        counts = rng.multinomial(2, [0.7, 0.3], size=60)
        found = interval(counts, "pairwise_agreement", resamples=300, seed=seed)
        held += found.low <= 0.7**2 + 0.3**2 <= found.high

    assert 180 <= held <= 198


def test_completions_of_one_prompt_are_drawn_together():
    counts = np.repeat([[2, 0], [1, 1]] * 10, 10, axis=0)
    prompts = np.repeat(np.arange(20), 10)

    apart = interval(counts, "pairwise_agreement")
    together = interval(counts, "pairwise_agreement", clusters=prompts)

    assert apart.value == together.value == 0.5
    assert together.high - together.low > 2.5 * (apart.high - apart.low)
    assert together.units == 200


def test_every_coefficient_has_an_interval_around_its_value():
    for name in ("pairwise_agreement", "alpha_nominal", "alpha_ordinal", "fleiss_kappa", "gwet_ac1"):
        found = interval(FLEISS, name)
        assert found.low < found.value < found.high, name
    assert np.isnan(interval([[2, 0]], "gwet_ac1").low)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"category 7 is not one of 0..6"):
        table([0], [7], num_categories=7)
    with pytest.raises(ValueError, match="2 units for 1 categories"):
        table([0, 1], [0], num_categories=2)
    with pytest.raises(ValueError, match="no coefficient 'kappa'"):
        interval(FLEISS, "kappa")
