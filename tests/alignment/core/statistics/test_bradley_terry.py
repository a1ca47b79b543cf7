"""Strengths from comparisons: known answers, ties, intervals and lengths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from alignment.core.statistics.bradley_terry import connected, fit, outcomes, probabilities

# (winner, loser), twenty of eight; the answer is that of the package choix with its penalty of 0.5.
EIGHT = [
    *[(7, 3), (2, 0), (5, 2), (4, 2), (2, 1), (4, 5), (6, 3), (5, 4), (7, 0), (2, 3)],
    *[(4, 0), (0, 4), (6, 5), (3, 2), (3, 4), (3, 4), (5, 2), (7, 3), (7, 6), (6, 5)],
]
EIGHT_STRENGTHS = [
    *[-0.51974039, -0.46280878, -0.31376862, -0.06854694],
    *[-0.3185146, -0.00346107, 0.63032783, 1.05651257],
]


def games(pairs):
    """One row for each (winner, loser)."""
    size = len(pairs)
    return outcomes([one for one, _ in pairs], [other for _, other in pairs], [1] * size, [0] * size, [0] * size)


def drawn(strengths, *, num, seed, log_nu=-np.inf):
    """Games of random pairs, decided by chance with these strengths."""
    generator = np.random.default_rng(seed)
    first = generator.integers(0, len(strengths), num)
    second = (first + generator.integers(1, len(strengths), num)) % len(strengths)
    win, tie, _ = probabilities(np.asarray(strengths)[first] - np.asarray(strengths)[second], log_nu)
    dice = generator.random(num)
    won, tied = dice < win, (dice >= win) & (dice < win + tie)
    return first, second, won.astype(float), tied.astype(float), (~won & ~tied).astype(float)


def test_the_twenty_two_games_of_the_wikipedia_article_give_its_strengths():
    won = {"AB": 2, "AD": 1, "BA": 3, "BC": 5, "CB": 3, "CD": 1, "DA": 4, "DC": 3}
    pairs = [("ABCD".index(names[0]), "ABCD".index(names[1])) for names, count in won.items() for _ in range(count)]

    found = fit(games(pairs), 4, ridge=1e-9)

    assert np.exp(found.strengths) == pytest.approx([0.640, 1.043, 0.660, 2.270], rel=1e-3)
    assert found.nu == 0
    assert found.length_effect is None


def test_twenty_games_of_eight_give_the_published_penalised_strengths():
    found = fit(games(EIGHT), 8, ridge=0.5)

    assert found.strengths == pytest.approx(EIGHT_STRENGTHS, abs=1e-7)


def test_grouped_games_give_what_single_ones_give():
    together = outcomes([0, 1, 0], [1, 2, 2], [6, 3, 2], [1, 2, 1], [2, 2, 1])
    single = [(0, 1, 6, 1, 2), (1, 2, 3, 2, 2), (0, 2, 2, 1, 1)]
    rows = [
        (one, other, *each)
        for one, other, *counts in single
        for each, count in zip(np.eye(3).tolist(), counts, strict=True)
        for _ in range(count)
    ]

    alone = outcomes(*zip(*rows, strict=True))

    assert fit(together, 3).strengths == pytest.approx(fit(alone, 3).strengths, abs=1e-9)


def test_the_sandwich_agrees_with_a_bootstrap_of_the_games():
    rows = drawn([0.0, 0.3, -0.4, 0.9], num=10_000, seed=1)
    single = fit(outcomes(*rows), 4, ridge=1e-9)
    kinds, counts = np.unique(np.stack(rows), axis=1, return_counts=True)
    generator = np.random.default_rng(2)

    again = []
    for _ in range(600):
        times = generator.multinomial(10_000, counts / 10_000)
        first, second = kinds[:2].astype(int)
        again.append(fit(outcomes(first, second, *(times * kinds[2:])), 4, ridge=1e-9).strengths)

    spread = np.std(again, axis=0)
    assert np.sqrt(np.diag(single.covariance)) == pytest.approx(spread, rel=0.1)


def test_judgements_of_one_prompt_count_as_one_when_they_all_say_the_same():
    alone = outcomes([0] * 40, [1] * 40, [1, 1, 0] * 13 + [1], [0] * 40, [0, 0, 1] * 13 + [0])
    clusters = np.arange(40)
    five_times = [np.repeat(each, 5) for each in (alone.first, alone.second, alone.wins, alone.ties, alone.losses)]

    repeated = fit(outcomes(*five_times, clusters=np.repeat(clusters, 5)), 2, ridge=1e-9)

    once = fit(alone, 2, ridge=1e-9)
    assert repeated.strengths == pytest.approx(once.strengths, abs=1e-6)
    assert repeated.covariance == pytest.approx(once.covariance, rel=1e-6)


@pytest.mark.parametrize("log_nu", [-2.0, 0.0, 1.5])
def test_the_three_outcomes_are_all_there_is(log_nu):
    differences = np.linspace(-6, 6, 25)

    together = sum(probabilities(differences, log_nu))

    assert together == pytest.approx(np.ones(25), abs=1e-12)


def test_without_ties_it_is_bradley_terry():
    differences = np.linspace(-4, 4, 9)

    win, tie, _ = probabilities(differences, -np.inf)

    assert win == pytest.approx(1 / (1 + np.exp(-differences)), abs=1e-12)
    assert tie.max() == 0


def test_strengths_and_the_share_of_ties_are_found_again():
    true = np.linspace(-1.5, 1.5, 12)
    rows = drawn(true, num=10_000, seed=3, log_nu=math.log(0.8))

    found = fit(outcomes(*rows), 12)

    assert stats.kendalltau(found.strengths, true).statistic >= 0.95
    assert found.nu == pytest.approx(0.8, rel=0.1)


def test_the_intervals_of_differences_hold_the_truth_as_often_as_they_say():
    held = []
    for seed in range(150):
        found = fit(outcomes(*drawn([0.0, 0.5, -0.5], num=300, seed=seed, log_nu=-1.0)), 3, ridge=1e-9)
        middle, error = found.difference(1, 2)
        held.append(abs(middle - 1.0) < 1.96 * error)

    assert 0.9 <= np.mean(held) <= 0.99


def test_who_won_everything_is_not_sure_to_win_always():
    found = fit(games([(0, 1)] * 6), 2)

    rate, low, high = found.win_rate(0, 1)

    assert 0.9 < rate < 1
    assert low < 0.5 < high


def test_win_rates_of_both_sides_sum_to_one_and_nobody_beats_themselves():
    found = fit(outcomes(*drawn([0.0, 1.0], num=200, seed=4, log_nu=0.0)), 2)

    one, other = found.win_rate(0, 1), found.win_rate(1, 0)

    assert one[0] + other[0] == pytest.approx(1, abs=1e-12)
    assert (one[1], one[2]) == pytest.approx((1 - other[2], 1 - other[1]), abs=1e-12)
    assert found.win_rate(0, 0) == pytest.approx((0.5, 0.5, 0.5))


def test_who_wins_by_length_alone_loses_that_lead_when_length_is_taken_out():
    generator = np.random.default_rng(5)
    longer = generator.normal(0.4, 0.3, 4000).clip(-1, 1)  # the first one writes more, most of the time
    won = (generator.random(4000) < 1 / (1 + np.exp(-2.5 * longer))).astype(float)
    rows = outcomes([0] * 4000, [1] * 4000, won, np.zeros(4000), 1 - won, longer=longer)

    plain, controlled = fit(rows, 2), fit(rows, 2, with_length=True)

    assert plain.win_rate(0, 1)[0] > 0.68
    assert controlled.win_rate(0, 1)[0] == pytest.approx(0.5, abs=0.04)
    assert controlled.length_effect is not None
    assert controlled.length_effect[0] == pytest.approx(2.5, abs=3 * controlled.length_effect[1])


def test_places_are_shared_by_those_that_can_not_be_told_apart():
    clear = fit(games([(0, 1)] * 60 + [(1, 0)] * 5 + [(0, 2)] * 60 + [(2, 0)] * 5 + [(1, 2), (2, 1)] * 8), 3)

    assert clear.ranks() == [(1, 1), (2, 3), (2, 3)]


def test_parts_without_a_link_are_told_apart():
    assert connected([0, 1, 3], [1, 2, 4], 6) == [0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([0], [0], [1], [0], [0]), "0 is compared with itself"),
        (([0, 1], [1, 0], [1], [0], [0]), "first has 2 rows"),
        (([0], [1], [-1], [0], [0]), "0 or more"),
        (([0], [1], [math.inf], [0], [0]), "must be finite"),
    ],
)
def test_what_can_not_be_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        outcomes(*rows)


def test_nothing_and_nobody_are_refused():
    with pytest.raises(ValueError, match="no outcomes"):
        fit(outcomes([], [], [], [], []), 2)
    with pytest.raises(ValueError, match="outside 0 to 1"):
        fit(outcomes([0], [2], [1], [0], [0]), 2)
