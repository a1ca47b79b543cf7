from __future__ import annotations

import json
import math

import numpy as np
import pytest

from alignment.core.evaluation import (
    accuracy_by_group,
    accuracy_with_ties,
    calibration,
    is_better_than_chance,
    is_better_than_previous,
    wilson,
    win_rate,
)


def simulate(seed, *, prompts, per_prompt=5, noise=0.0):
    """Bradley-Terry judgements of known differences, and a model that sees them through noise."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(0.0, 1.5, prompts * per_prompt)
    outcome = np.where(generator.random(len(truth)) < 1 / (1 + np.exp(-truth)), 1, -1)
    return truth + noise * generator.normal(size=len(truth)), outcome, [i // per_prompt for i in range(len(truth))]


def test_accuracy_counts_equal_scores_and_ties_one_half():
    difference = [2.0, -1.0, 0.0, 3.0, -3.0, 0.0]
    outcome = [1, 1, -1, 0, 0, 0]

    accuracy = accuracy_with_ties(difference, outcome, list("aabbcc"), seed=0)

    assert accuracy.overall.estimate == 0.5  # (1 + 0 + 1/2 + 3 * 1/2) / 6
    assert accuracy.decided is not None
    assert accuracy.decided.estimate == 0.5  # (1 + 0 + 1/2) / 3
    assert (accuracy.num_comparisons, accuracy.num_ties, accuracy.num_score_ties, accuracy.num_prompts) == (6, 3, 1, 3)


def test_swapping_the_sides_changes_no_accuracy():
    difference, outcome, prompts = simulate(0, prompts=30)

    accuracy = accuracy_with_ties(difference, outcome, prompts, seed=0)

    assert accuracy_with_ties(-difference, -outcome, prompts, seed=0) == accuracy


def test_ties_of_people_pull_every_model_equally_to_one_half():
    outcome = [1, 1, 0, 0]

    good = accuracy_with_ties([1.0, 1.0, 5.0, -5.0], outcome, list("abcd"), seed=0)
    bad = accuracy_with_ties([-1.0, -1.0, 0.0, 0.0], outcome, list("abcd"), seed=0)

    assert good.overall.estimate == 0.75
    assert bad.overall.estimate == 0.25


def test_all_ties_leave_nothing_decided():
    accuracy = accuracy_with_ties([1.0, -1.0], [0, 0], ["a", "b"], seed=0)

    assert accuracy.decided is None
    assert accuracy.overall.estimate == 0.5
    assert json.loads(json.dumps(accuracy.as_dict()))["decided"] is None


def test_weights_give_each_ranking_one_vote():
    # one ranking of three (three comparisons) all right, one of two wrong
    accuracy = accuracy_with_ties(
        [1.0, 1.0, 1.0, -1.0], [1, 1, 1, 1], list("aaab"), weights=[1 / 3, 1 / 3, 1 / 3, 1.0], seed=0
    )

    assert accuracy.overall.estimate == pytest.approx(0.5)


def test_comparisons_of_one_prompt_make_the_wilson_interval_too_narrow():
    generator = np.random.default_rng(0)
    right = np.where(generator.random(60) < 0.7, 1.0, -1.0).repeat(10)

    accuracy = accuracy_with_ties(right, np.ones(600), [i // 10 for i in range(600)], seed=0)

    clustered = accuracy.overall.high - accuracy.overall.low
    assert clustered > 2.5 * (accuracy.wilson.high - accuracy.wilson.low)  # sqrt(10) = 3.2
    expected = wilson((right > 0).sum(), 600)
    assert [accuracy.wilson.low, accuracy.wilson.high] == pytest.approx([expected.low, expected.high])


def test_accuracy_of_the_true_scores_reaches_the_bayes_ceiling():
    difference, outcome, prompts = simulate(1, prompts=4000)

    accuracy = accuracy_with_ties(difference, outcome, prompts, seed=0)

    # E[sigma(|d|)] for d ~ N(0, 1.5^2), by quadrature
    grid = np.linspace(-12, 12, 20001)
    density = np.exp(-(grid**2) / (2 * 1.5**2)) / (1.5 * math.sqrt(2 * math.pi))
    ceiling = float((density / (1 + np.exp(-np.abs(grid)))).sum() * (grid[1] - grid[0]))
    assert accuracy.overall.low < ceiling < accuracy.overall.high
    assert accuracy.overall.high - accuracy.overall.low < 0.02


def test_accuracy_by_group_counts_each_groups_own_comparisons():
    groups = accuracy_by_group([1.0, -1.0, 1.0, 1.0], [1, 1, 1, 1], list("aabb"), ["bo", "al", "al", "bo"], seed=0)

    assert list(groups) == ["al", "bo"]
    assert groups["al"].overall.estimate == 0.5
    assert groups["bo"].overall.estimate == 1.0
    assert groups["bo"].num_comparisons == 2


def test_calibration_by_hand():
    # read as 0.9 right, 0.9 wrong (0.1 for the first, who won), 0.6 tie
    result = calibration([0.9, 0.1, 0.6], [1, 1, 0], num_bins=5)

    assert [(b.count, round(b.confidence, 9), b.accuracy) for b in result.bins] == [(1, 0.6, 0.5), (2, 0.9, 0.5)]
    assert result.error == pytest.approx((1 * 0.1 + 2 * 0.4) / 3)


def test_true_probabilities_are_calibrated_and_exaggerated_ones_are_not():
    difference, outcome, _ = simulate(2, prompts=4000)

    honest = calibration(1 / (1 + np.exp(-difference)), outcome)
    boastful = calibration(1 / (1 + np.exp(-3 * difference)), outcome)

    assert honest.error < 0.015
    assert boastful.error > 0.08
    assert sum(b.count for b in honest.bins) == honest.num_comparisons == 20000


def test_calibration_does_not_depend_on_which_side_is_first():
    difference, outcome, _ = simulate(3, prompts=100)
    probability = 1 / (1 + np.exp(-difference))

    assert calibration(1 - probability, -outcome).error == pytest.approx(calibration(probability, outcome).error)


def test_a_model_that_sees_the_truth_is_better_than_chance_and_a_coin_is_not():
    difference, outcome, prompts = simulate(4, prompts=200)
    coin = np.random.default_rng(0).normal(size=len(outcome))

    assert is_better_than_chance(accuracy_with_ties(difference, outcome, prompts, seed=0)).answer == "yes"
    assert is_better_than_chance(accuracy_with_ties(coin, outcome, prompts, seed=0)).answer != "yes"


def test_five_prompts_are_too_few_to_say_anything_better_than_chance():
    accuracy = accuracy_with_ties([1.0] * 50, [1] * 50, [i % 5 for i in range(50)], seed=0)

    assert is_better_than_chance(accuracy).answer == "too few to say"


def test_win_rate_can_be_compared_with_chance():
    assert is_better_than_chance(win_rate([1.0] * 30, [0.0] * 30, seed=0)).answer == "yes"


def test_a_clearer_model_is_better_than_the_previous_one_and_not_the_other_way_round():
    clear, outcome, prompts = simulate(5, prompts=400, noise=0.2)
    blurred = clear + 3.0 * np.random.default_rng(1).normal(size=len(clear))

    forward = is_better_than_previous(clear, blurred, outcome, prompts, seed=0)
    backward = is_better_than_previous(blurred, clear, outcome, prompts, seed=0)

    assert forward.answer == "yes"
    assert backward.answer == "no"
    assert forward.interval.estimate == pytest.approx(-backward.interval.estimate)


def test_pairing_by_prompt_settles_what_two_separate_intervals_do_not():
    difference, outcome, prompts = simulate(6, prompts=300)
    previous = difference.copy()
    right = np.flatnonzero(np.sign(difference) == outcome)
    previous[right[::30]] *= -1  # worse in about two of a hundred comparisons

    new = accuracy_with_ties(difference, outcome, prompts, seed=0)
    old = accuracy_with_ties(previous, outcome, prompts, seed=0)

    assert old.overall.high > new.overall.low
    assert is_better_than_previous(difference, previous, outcome, prompts, seed=0).answer == "yes"


def test_same_model_again_is_no_better_when_there_are_prompts_enough_to_know():
    difference, outcome, prompts = simulate(7, prompts=1000)

    enough = is_better_than_previous(difference, difference, outcome, prompts, seed=0)
    few = is_better_than_previous(difference[:100], difference[:100], outcome[:100], prompts[:100], seed=0)

    assert enough.answer == "no"
    assert few.answer == "too few to say"


def test_evaluation_refuses_wrong_input_by_name():
    with pytest.raises(ValueError, match=r"no comparisons"):
        accuracy_with_ties([], [], [], seed=0)
    with pytest.raises(ValueError, match=r"difference is not a number for comparison 1"):
        accuracy_with_ties([0.0, math.nan], [1, 1], ["a", "b"], seed=0)
    with pytest.raises(ValueError, match=r"outcome holds 2"):
        accuracy_with_ties([0.0, 1.0], [1, 2], ["a", "b"], seed=0)
    with pytest.raises(ValueError, match=r"groups is \(1,\)"):
        accuracy_by_group([0.0, 1.0], [1, 1], ["a", "b"], ["x"], seed=0)
    with pytest.raises(ValueError, match=r"probability holds 1\.5"):
        calibration([1.5], [1])
    with pytest.raises(ValueError, match=r"num_bins is 0"):
        calibration([0.5], [1], num_bins=0)
