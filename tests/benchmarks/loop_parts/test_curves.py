from __future__ import annotations

import pytest

from tests.benchmarks.loop_parts.curves import auc, labels_needed, mean_with_interval, smoothed

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


def test_the_interval_over_worlds_holds_the_mean_and_no_worlds_have_none():
    found = mean_with_interval([8.0, 10.0, 12.0, 10.0])

    assert found["mean"] == 10.0
    assert 8.0 <= found["low"] < 10.0 < found["high"] <= 12.0
    assert mean_with_interval([]) == {"mean": None, "low": None, "high": None}


def test_auc_counts_pairs_in_the_right_order_and_ties_half():
    assert auc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == pytest.approx(3.5 / 4)
    assert auc([0.9, 0.5], [True, True]) is None
