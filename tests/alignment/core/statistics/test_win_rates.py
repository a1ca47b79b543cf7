from __future__ import annotations

import json
import math

import numpy as np
import pytest

from alignment.core.statistics.win_rates import length_controlled_win_rate, win_rate


def test_win_rate_counts_ties_one_half():
    rate = win_rate([1.0, 2.0, 0.0, 5.0], [0.0, 3.0, 0.0, 1.0], seed=0)

    assert (rate.num_wins, rate.num_ties, rate.num_losses) == (2, 1, 1)
    assert rate.overall.estimate == 0.625
    assert rate.overall.units == 4


def test_win_rates_of_the_two_sides_sum_to_one():
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 5, 60), generator.integers(0, 4, 60)

    forward, backward = win_rate(a, b, seed=0).overall, win_rate(b, a, seed=0).overall

    assert forward.estimate + backward.estimate == pytest.approx(1.0)
    assert forward.low + backward.high == pytest.approx(1.0, abs=1e-9)


def test_outcomes_of_people_are_rewards_against_nothing():
    rate = win_rate([1, 0, -1, 1], [0, 0, 0, 0], seed=0)

    assert rate.overall.estimate == 0.625


def test_infinite_rewards_are_ordered():
    rate = win_rate([math.inf, -math.inf, math.inf], [0.0, 0.0, math.inf], seed=0)

    assert (rate.num_wins, rate.num_ties, rate.num_losses) == (1, 1, 1)


def test_completions_of_one_prompt_are_drawn_together():
    a = np.repeat([1.0, -1.0], 40)

    separate = win_rate(a, np.zeros(80), seed=0).overall
    together = win_rate(a, np.zeros(80), seed=0, prompts=[i // 10 for i in range(80)]).overall

    assert together.units == 8
    assert together.high - together.low > 2 * (separate.high - separate.low)


def simulate_length_bias(seed, *, skill, bias, num=2000):
    """Wins by skill and by length; the first side writes more."""
    generator = np.random.default_rng(seed)
    lengths_a, lengths_b = generator.normal(120, 30, num), generator.normal(90, 30, num)
    gap = lengths_a - lengths_b
    bend = np.tanh(gap / gap.std())
    won = generator.random(num) < 1 / (1 + np.exp(-(skill + bias * bend)))
    return won.astype(float), np.zeros(num) + 0.5, lengths_a, lengths_b


def test_length_control_recovers_the_win_rate_at_equal_length():
    a, b, lengths_a, lengths_b = simulate_length_bias(0, skill=-0.4, bias=1.5)

    plain = win_rate(a, b, seed=0).overall
    controlled = length_controlled_win_rate(a, b, lengths_a, lengths_b, seed=0, draws=500)

    truth = 1 / (1 + math.exp(0.4))
    assert plain.low > 0.5  # length alone makes it look better
    assert controlled.overall.low < truth < controlled.overall.high < 0.5
    assert controlled.length_effect is not None
    assert controlled.length_effect.low < 1.5 < controlled.length_effect.high


def test_length_control_changes_nothing_where_lengths_are_equal():
    a, b = np.array([1.0, 1.0, 0.0, 0.5] * 50), np.full(200, 0.5)

    controlled = length_controlled_win_rate(a, b, np.full(200, 50), np.full(200, 50), seed=0)

    plain = win_rate(a, b, seed=0).overall
    assert controlled.overall.estimate == pytest.approx(plain.estimate, abs=1e-3)
    assert controlled.overall.low == pytest.approx(plain.low, abs=0.01)
    assert controlled.length_effect is None


def test_length_control_stays_finite_when_one_side_wins_everything():
    controlled = length_controlled_win_rate(
        np.ones(40), np.zeros(40), np.arange(40.0), np.arange(40.0)[::-1], seed=0, draws=200
    )

    assert 0.9 < controlled.overall.estimate < 1.0
    assert json.dumps(controlled.as_dict(), allow_nan=False)


def test_win_rates_refuse_wrong_input_by_name():
    with pytest.raises(ValueError, match=r"a is \(2,\), b is \(1,\)"):
        win_rate([1.0, 2.0], [1.0], seed=0)
    with pytest.raises(ValueError, match=r"row 1 has a reward that is not a number"):
        win_rate([1.0, math.nan], [1.0, 0.0], seed=0)
    with pytest.raises(ValueError, match=r"prompts is \(1,\), there are 2 rows"):
        win_rate([1.0, 2.0], [1.0, 0.0], seed=0, prompts=["a"])
    with pytest.raises(ValueError, match=r"lengths_a minus lengths_b"):
        length_controlled_win_rate([1.0], [0.0], [math.nan], [1.0], seed=0)
