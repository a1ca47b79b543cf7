from __future__ import annotations

import json
import math

import numpy as np
import pytest

from alignment.core.statistics.intervals import cluster_bootstrap, is_better, wilson


def test_wilson_against_published_values():
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29
    for successes, count, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (1, 29, 0.0061, 0.1718)):
        interval = wilson(successes, count)

        assert [interval.low, interval.high] == pytest.approx([low, high], abs=5e-5)
    assert wilson(0, 20).low == 0.0
    assert wilson(0, 20).high == pytest.approx(0.1611, abs=5e-5)
    assert wilson(20, 20).high == 1.0


def test_estimate_of_the_bootstrap_is_the_weighted_mean():
    interval = cluster_bootstrap([0.0, 1.0, 1.0], ["x", "x", "y"], weights=[1.0, 1.0, 2.0], seed=0)

    assert interval.estimate == 0.75
    assert interval.units == 2


def test_same_seed_gives_the_same_interval_and_another_seed_another():
    values, prompts = np.random.default_rng(0).random(60), [i // 3 for i in range(60)]

    first = cluster_bootstrap(values, prompts, seed=1)

    assert cluster_bootstrap(values, prompts, seed=1) == first
    assert cluster_bootstrap(values, prompts, seed=2) != first


def test_interval_agrees_with_the_t_interval_of_the_prompt_means():
    generator = np.random.default_rng(0)
    means = generator.normal(5.0, 1.0, 40)

    interval = cluster_bootstrap(means.repeat(4), [i // 4 for i in range(160)], seed=0, draws=20000)

    half = 2.0227 * means.std(ddof=1) / math.sqrt(40)  # t_{39} at 97.5 %
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.03)
    assert interval.low == pytest.approx(means.mean() - half, abs=0.03)


def test_repeating_the_judgements_of_each_prompt_adds_no_certainty():
    generator = np.random.default_rng(1)
    values = generator.random(50)

    once = cluster_bootstrap(values, list(range(50)), seed=0)
    often = cluster_bootstrap(values.repeat(20), [i // 20 for i in range(1000)], seed=0)

    assert [often.low, often.high] == pytest.approx([once.low, once.high])


@pytest.mark.parametrize(("prompts", "tie_share"), [(12, 0.3), (40, 0.3), (40, 0.0)])
def test_ninety_five_percent_intervals_hold_the_truth_as_often_as_they_say(prompts, tie_share):
    generator = np.random.default_rng(7)
    held = 0

    for trial in range(400):
        skill = generator.beta(3.0, 2.0, prompts)  # each prompt has its own win rate; the mean is 0.6
        wins = (generator.random((prompts, 3)) < skill[:, None]).astype(float)
        ties = generator.random((prompts, 3)) < tie_share
        values = np.where(ties, 0.5, wins).ravel()
        interval = cluster_bootstrap(
            values, list(np.arange(prompts).repeat(3)), seed=trial, draws=500, bounds=(0.0, 1.0)
        )
        truth = 0.6 * (1 - tie_share) + 0.5 * tie_share
        held += interval.low <= truth <= interval.high

    # 0.95 with three standard errors of 400 trials, 0.033, and a point for the few draws
    assert 0.905 <= held / 400 <= 0.985


def test_all_prompts_alike_do_not_make_certainty():
    interval = cluster_bootstrap([1.0] * 20, list(range(20)), seed=0, bounds=(0.0, 1.0))

    # Clopper and Pearson for 20 of 20: 0.025^(1/20)
    assert interval.low == pytest.approx(0.8316, abs=5e-5)
    assert interval.high == 1.0


def test_one_prompt_says_nothing():
    bounded = cluster_bootstrap([0.0, 1.0, 1.0], ["x"] * 3, seed=0, bounds=(0.0, 1.0))
    free = cluster_bootstrap([0.0, 1.0, 1.0], ["x"] * 3, seed=0)

    assert (bounded.low, bounded.high) == (0.0, 1.0)
    assert json.loads(json.dumps(free.as_dict(), allow_nan=False)) == {
        "estimate": pytest.approx(2 / 3),
        "low": None,
        "high": None,
        "level": 0.95,
        "units": 1,
        "method": "bootstrap of prompts",
    }


def test_prompts_without_weight_are_not_drawn():
    interval = cluster_bootstrap([1.0, 0.0, 5.0], ["x", "y", "z"], weights=[1.0, 1.0, 0.0], seed=0)

    assert interval.units == 2
    assert interval.high <= 1.0


def test_clear_interval_says_yes_and_narrow_one_at_the_threshold_says_no():
    wins = [1.0, 1.0, 1.0, 0.0] * 50
    coin = [1.0, 0.0] * 20000

    yes = is_better(cluster_bootstrap(wins, list(range(200)), seed=0), than=0.5)
    no = is_better(cluster_bootstrap(coin, list(range(40000)), seed=0, draws=200), than=0.5)

    assert yes.answer == "yes"
    assert no.answer == "no"
    assert "0.750" in yes.reason


def test_wide_interval_and_few_prompts_are_too_few_to_say():
    wide = is_better(cluster_bootstrap([1.0, 1.0, 0.0] * 5, list(range(15)), seed=0), than=0.5)
    few = is_better(cluster_bootstrap([1.0] * 900, [i % 9 for i in range(900)], seed=0), than=0.5)

    assert wide.answer == "too few to say"
    assert few.answer == "too few to say"
    assert "fewer than 10 prompts" in few.reason


def test_clearly_worse_is_a_no():
    verdict = is_better(cluster_bootstrap([0.0, 0.0, 0.0, 1.0] * 50, list(range(200)), seed=0), than=0.5)

    assert verdict.answer == "no"


def test_intervals_refuse_wrong_input_by_name():
    with pytest.raises(ValueError, match=r"values is empty"):
        cluster_bootstrap([], [], seed=0)
    with pytest.raises(ValueError, match=r"values holds nan"):
        cluster_bootstrap([1.0, math.nan], ["x", "y"], seed=0)
    with pytest.raises(ValueError, match=r"prompts is \(1,\)"):
        cluster_bootstrap([1.0, 2.0], ["x"], seed=0)
    with pytest.raises(ValueError, match=r"weights must be 0 or more"):
        cluster_bootstrap([1.0], ["x"], weights=[-1.0], seed=0)
    with pytest.raises(ValueError, match=r"level is 95"):
        cluster_bootstrap([1.0, 2.0], ["x", "y"], seed=0, level=95)
    with pytest.raises(ValueError, match=r"successes is 3 of count 2"):
        wilson(3, 2)
    with pytest.raises(ValueError, match=r"of count 0"):
        wilson(0, 0)
