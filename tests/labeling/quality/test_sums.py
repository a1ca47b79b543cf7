"""Coefficients from sums that are kept by blocks, beside those from counts."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.quality.agreement import interval, krippendorff_alpha
from labeling.quality.sums import BLOCKS, contributions, estimate, of_two, pack, unpack


@pytest.fixture
def judged():
    """640 prompts with three units each, which people judge alike where they are easy; counts and prompts."""
    chance = np.random.default_rng(3)
    prompts = np.repeat(np.arange(640), 3)
    ease = np.repeat(chance.beta(2, 2, 640), 3)
    right = chance.integers(0, 3, len(prompts))
    counts = np.zeros((len(prompts), 3))
    for _ in range(3):
        said = np.where(chance.random(len(prompts)) < ease, right, chance.integers(0, 3, len(prompts)))
        counts[np.arange(len(prompts)), said] += 1
    return counts, prompts


def by_blocks(counts, prompts):
    sums = np.zeros((BLOCKS, contributions(counts).shape[1]))
    np.add.at(sums, prompts % BLOCKS, contributions(counts))
    return sums


@pytest.mark.parametrize("coefficient", ["pairwise_agreement", "alpha_ordinal", "alpha_nominal", "fleiss_kappa"])
def test_blocks_give_the_value_and_about_the_interval_of_a_bootstrap_over_prompts(judged, coefficient):
    counts, prompts = judged
    whole = interval(counts, coefficient, clusters=prompts)

    found = estimate(by_blocks(counts, prompts), "comparisons", coefficient)

    assert found.value == pytest.approx(whole.value)
    assert found.units == 1920
    assert found.high - found.low == pytest.approx(whole.high - whole.low, rel=0.3)  # 32 blocks say it to an eighth
    assert found.low < whole.value < found.high


def test_the_interval_holds_the_truth_as_often_as_it_says():
    chance = np.random.default_rng(4)
    held = 0
    for _ in range(200):
        share = chance.beta(4, 2, 256)  # of a prompt; the mean is 2/3
        agree = chance.random((256, 2)) < share[:, None]
        counts = np.where(agree.ravel()[:, None], [2, 0, 0], [1, 1, 0]).astype(float)
        found = estimate(by_blocks(counts, np.repeat(np.arange(256), 2)), "comparisons", "pairwise_agreement")
        held += found.low <= 2 / 3 <= found.high

    assert 0.91 <= held / 200 <= 0.99  # 95 % to two and a half standard deviations


def test_a_single_judge_adds_nothing_and_two_what_a_table_of_two_says():
    assert not contributions(np.array([[1.0, 0.0], [0.0, 1.0]])).any()
    assert np.array_equal(of_two(3)[1 * 3 + 2], contributions(np.array([[0.0, 1.0, 1.0]]))[0])


def test_one_block_has_no_interval_and_no_block_nothing():
    sums = by_blocks(np.array([[2.0, 1.0, 0.0]]), np.array([5]))
    found = estimate(sums, "comparisons", "alpha_nominal")
    assert found.value == pytest.approx(krippendorff_alpha([[2, 1, 0]]))
    assert np.isnan(found.low)

    assert estimate(np.zeros_like(sums), "comparisons", "alpha_nominal").units == 0
    with pytest.raises(ValueError, match="gwet_ac1"):
        estimate(sums, "comparisons", "gwet_ac1")


def test_what_is_stored_is_read_again():
    sums = np.random.default_rng(0).normal(size=(BLOCKS, 2 + 9 + 2 + 3))

    assert np.array_equal(unpack(pack(sums), "comparisons"), sums)
