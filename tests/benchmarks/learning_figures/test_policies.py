from __future__ import annotations

from itertools import combinations
from statistics import fmean

import pytest

from tests.benchmarks.learning_figures.policies import best_of_n

SCORED = [
    [(0.5, -1.0), (2.0, 0.3), (-1.0, 0.9), (3.0, -0.2)],
    [(0.1, 0.4), (0.0, 0.8), (0.7, -2.0), (0.3, 1.1)],
]


def test_best_of_n_is_the_mean_over_all_choices_of_n():
    points = best_of_n(SCORED)

    for point in points:
        best = [max(choice) for group in SCORED for choice in combinations(group, point["n"])]
        assert point["proxy"] == pytest.approx(fmean(proxy for proxy, _ in best))
        assert point["true_reward"] == pytest.approx(fmean(true for _, true in best))
    assert [(point["n"], round(point["kl"], 4)) for point in points] == [(1, 0.0), (2, 0.1931), (4, 0.6363)]
