from __future__ import annotations

import math

import pytest

from tests.benchmarks.loop_parts.curves import auc, labels_needed, labels_ratio, mean_with_interval, smoothed

RISING = [(100, 0.50), (200, 0.60), (300, 0.70), (400, 0.80), (500, 0.90), (600, 1.00), (700, 1.00)]


def test_a_curve_is_smoothed_over_five_neighbours():
    labels, rates = zip(*smoothed(RISING), strict=True)

    assert labels == pytest.approx((300, 400, 500))
    assert rates == pytest.approx((0.7, 0.8, 0.88))


def test_the_labels_that_a_win_rate_needs_lie_between_two_measurements():
    assert labels_needed(RISING, 0.75) == pytest.approx(350)
    assert labels_needed(RISING, 0.55) == pytest.approx(300)


def test_one_lucky_measurement_does_not_reach_a_win_rate():
    lucky = [(100, 0.5), (200, 0.5), (300, 0.9), (400, 0.5), (500, 0.5), (600, 0.5)]

    assert labels_needed(lucky, 0.7) is None


def test_a_curve_that_rises_with_half_the_labels_has_a_ratio_of_two_at_every_win_rate():
    fast = [(labels // 2, rate) for labels, rate in RISING]

    assert labels_ratio(RISING, fast) == pytest.approx(2.0)
    assert labels_ratio(fast, RISING) == pytest.approx(0.5)


def test_curves_are_compared_where_both_have_been():
    shorter = [(labels + 100, rate) for labels, rate in RISING[:6]]  # smoothed: 400 at 0.7, 500 at 0.8

    found = labels_ratio(RISING, shorter)

    levels = [0.7 + 0.1 * place / 19 for place in range(20)]  # 300 to 400 labels against 400 to 500
    wanted = [(300 + (level - 0.7) * 1000) / (400 + (level - 0.7) * 1000) for level in levels]
    assert found == pytest.approx(math.exp(sum(map(math.log, wanted)) / 20))


def test_curves_that_share_no_win_rate_are_not_compared():
    assert labels_ratio(RISING, [(labels, rate - 0.5) for labels, rate in RISING]) is None
    assert labels_ratio([], RISING) is None


def test_the_interval_over_worlds_holds_the_mean_and_no_worlds_have_none():
    found = mean_with_interval([8.0, 10.0, 12.0, 10.0])

    assert found["mean"] == 10.0
    assert 8.0 <= found["low"] < 10.0 < found["high"] <= 12.0
    assert mean_with_interval([]) == {"mean": None, "low": None, "high": None}


def test_auc_counts_pairs_in_the_right_order_and_ties_half():
    assert auc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == pytest.approx(3.5 / 4)
    assert auc([0.9, 0.5], [True, True]) is None
