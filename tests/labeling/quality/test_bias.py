"""Habits that were planted are found, and a fair judge has none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from labeling.quality.bias import (
    first_shown_wins,
    longer_wins,
    middle_ratings,
    time_against_agreement,
)


def test_the_share_of_comparisons_won_by_the_completion_shown_earlier():
    found = first_shown_wins([1, 1, 3, 2], [2, 3, 1, 4])

    assert found.value == 0.75
    assert found.units == 4


def test_a_planted_habit_lies_outside_the_interval_of_a_fair_judge():
    rng = np.random.default_rng(0)
    for share, fair in ((0.5, True), (0.65, False)):
        earlier = rng.permutation(np.arange(600) < share * 600)
        found = first_shown_wins(
            np.where(earlier, 1, 2), np.where(earlier, 2, 1), clusters=np.repeat(np.arange(200), 3)
        )
        assert (found.low <= 0.5 <= found.high) is fair


def test_the_longer_completion_wins_where_lengths_differ():
    found = longer_wins([10, 20, 30, 5], [5, 20, 40, 1], clusters=[1, 1, 2, 2])

    assert found.value == pytest.approx(2 / 3)
    assert found.units == 3


def test_the_share_of_ratings_in_the_middle():
    assert middle_ratings([4, 4, 1, 7]).value == 0.5
    assert np.isnan(middle_ratings([]).value)


def test_time_against_agreement_is_spearmans_correlation():
    # Ranks 1 2 3 4 5 against 2 1 4 3 5: rho = 1 - 6 * 4 / (5 * 24).
    assert time_against_agreement([1, 10, 11, 40, 900], [0.2, 0.1, 0.4, 0.3, 0.9]).value == pytest.approx(0.8)
    assert np.isnan(time_against_agreement([], []).value)
    assert np.isnan(time_against_agreement([1, 2, 3], [1, 1, 1]).value)


def test_equal_values_share_the_mean_of_their_places():
    rng = np.random.default_rng(5)
    seconds, agreement = rng.integers(1, 9, 200), rng.integers(0, 4, 200) / 4

    wanted = stats.spearmanr(seconds, agreement).statistic

    assert time_against_agreement(seconds, agreement).value == pytest.approx(wanted)


def test_its_interval_tells_a_link_from_none():
    rng = np.random.default_rng(2)
    seconds = rng.exponential(60, 300)

    linked = time_against_agreement(seconds, seconds + rng.normal(0, 60, 300))
    unlinked = time_against_agreement(seconds, rng.random(300))

    assert linked.low > 0.3
    assert unlinked.low < 0 < unlinked.high
