"""When the work will be done."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.quality.forecast import Forecast, forecast


def test_days_that_are_all_alike_leave_no_doubt():
    assert forecast([10, 10, 10], 95) == Forecast(days=10, low=10, high=10)
    assert forecast([10, 10, 10], 100) == Forecast(days=10, low=10, high=10)


def test_what_is_done_takes_no_more_days():
    assert forecast([], 0) == Forecast(0, 0, 0)


@pytest.mark.parametrize("daily", [[], [5, 5], [0, 0, 0, 0]])
def test_of_too_few_days_or_idle_ones_nothing_is_said(daily):
    assert forecast(daily, 100) is None


def test_what_would_take_ten_years_is_not_said():
    assert forecast([0, 0, 1], 10_000) is None


def test_days_off_are_part_of_the_pace():
    found = forecast([0, 0, 20, 20, 20, 20, 20] * 2, 1000)

    assert found is not None
    assert 66 <= found.days <= 74  # 1000 / (100 / 7)


def test_nine_of_ten_ends_lie_within_the_interval():
    rng = np.random.default_rng(5)
    hits = 0
    for seed in range(200):
        daily = rng.poisson(50, 14) * (rng.random(14) > 0.2)
        ends = np.cumsum(rng.choice(daily, 400))
        found = forecast(daily.tolist(), 2000, futures=400, seed=seed)
        assert found is not None
        hits += found.low <= int((ends < 2000).sum()) + 1 <= found.high

    assert 170 <= hits <= 196  # 180 are expected, 4.2 their standard deviation, and whole days round outwards
