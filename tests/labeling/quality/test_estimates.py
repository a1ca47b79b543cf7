"""Intervals of means, by themselves and in clusters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labeling.quality.estimates import bootstrap, mean, ratio, wilson


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide_each_way():
    values = np.random.default_rng(0).normal(5, 2, 400)

    found = mean(values)

    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / np.sqrt(400), rel=0.15)
    assert found.units == 400


def test_values_of_one_cluster_count_as_one():
    apart = mean([0.0, 1.0] * 20)
    together = mean(np.repeat([0.0, 1.0] * 20, 25), clusters=np.repeat(np.arange(40), 25))

    assert together.high - together.low == pytest.approx(apart.high - apart.low, rel=0.1)


def test_nothing_and_one_value_have_no_interval():
    assert np.isnan([mean([]).value, mean([3.0]).low, mean([3.0, 4.0], clusters=[1, 1]).high]).all()
    assert mean([3.0]).value == 3.0


def test_a_statistic_that_is_nowhere_defined_has_no_interval():
    found = bootstrap(np.ones((5, 1)), lambda sums: np.full(len(sums), np.nan))

    assert np.isnan(found.low)


@pytest.mark.parametrize(
    ("right", "asked", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_that_of_newcombe_1998_table_1(right, asked, low, high):
    found = wilson(right, asked)

    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert found.value == right / asked


def test_of_nothing_asked_nothing_is_said():
    assert math.isnan(wilson(0, 0).value)


def test_the_interval_of_a_ratio_is_about_that_of_a_bootstrap_over_clusters():
    rng = np.random.default_rng(2)
    bottom = rng.integers(1, 7, 300)
    top = rng.binomial(bottom, rng.beta(6, 3, 300))
    squares = (float((top**2).sum()), float((top * bottom).sum()), float((bottom**2).sum()))

    found = ratio(int(top.sum()), int(bottom.sum()), squares=squares)

    drawn = rng.integers(0, 300, (2000, 300))
    low, high = np.quantile(top[drawn].sum(1) / bottom[drawn].sum(1), [0.025, 0.975])
    assert found.value == top.sum() / bottom.sum()
    assert found.low == pytest.approx(low, abs=0.006)
    assert found.high == pytest.approx(high, abs=0.006)


def test_a_ratio_of_nothing_is_nothing():
    assert math.isnan(ratio(0, 0, squares=(0.0, 0.0, 0.0)).value)
