"""Intervals of means, by themselves and in clusters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labeling.quality.estimates import bootstrap, clustered_wilson, mean, ratio, wilson


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


def test_trials_that_are_all_alike_within_their_clusters_are_worth_as_many_as_there_are_clusters():
    # Ten clusters of five trials; in four of them all five are right.
    found = clustered_wilson(20, 50, squares=(100.0, 100.0, 250.0))

    alone = wilson(4, 10)
    assert (found.value, found.units) == (0.4, 50)
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=1e-12)


def test_where_nothing_varies_clusters_are_taken_as_one_trial_each():
    found = clustered_wilson(0, 50, squares=(0.0, 0.0, 250.0))

    alone = wilson(0, 10)
    assert (found.low, found.high) == pytest.approx((0.0, alone.high), abs=1e-12)


def test_independent_trials_have_the_plain_interval():
    found = clustered_wilson(3, 12, squares=(3.0, 3.0, 12.0))

    plain = wilson(3, 12)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-12)


def test_without_trials_there_is_no_share():
    assert clustered_wilson(0, 0, squares=(0.0, 0.0, 0.0)).units == 0


@pytest.mark.parametrize(("right", "asked"), [(0, 20), (7, 20), (20, 20), (1, 3), (411, 900)])
def test_both_sides_of_the_house_draw_wilson_s_interval_alike(right, asked):
    """Neither may import the other: pages load no learning core, and that knows no Django."""
    from alignment.core.statistics.intervals import wilson as of_core

    here, there = wilson(right, asked), of_core(right, asked)

    assert (here.value, here.low, here.high) == pytest.approx((there.estimate, there.low, there.high), abs=1e-7)
