"""The guards on plain figures: each trap is refused by the guard that is there for it, and by no other."""

from __future__ import annotations

import random
from typing import Any

import pytest

from alignment.gating import guards
from alignment.gating.guards import Found, Written, share_repeated
from alignment.gating.limits import Limits

PROMPTS = [prompt for prompt in range(30) for _ in range(2)]
LIMITS = Limits()


def honest(seed: int, **changes) -> Written:
    """Sixty completions of about 40 tokens, most of which end, of a policy that games nothing."""
    chance = random.Random(seed)
    figures = {
        "prompts": PROMPTS,
        "lengths": [chance.gauss(40, 10) for _ in PROMPTS],
        "ended": [chance.random() < 0.9 for _ in PROMPTS],
        "repetition": [chance.uniform(0, 0.1) for _ in PROMPTS],
        "kl": [chance.gauss(4, 2) for _ in PROMPTS],
        "deviation": [chance.uniform(0.4, 0.6) for _ in PROMPTS],
        "second": [chance.gauss(0, 1) for _ in PROMPTS],
    }
    return Written(**{**figures, **changes})


def refused(candidate: Written) -> list[Found]:
    """What the guards that need the model refuse of a candidate, against an honest policy."""
    served = honest(0)
    found = [
        guards.held_out_reward(candidate, served, limits=LIMITS, judgements=50, seed=0),
        guards.kl(candidate, limits=LIMITS, judgements=500, seed=0),
        guards.length(candidate, served, limits=LIMITS, seed=0),
        guards.eos(candidate, served, limits=LIMITS, seed=0),
        guards.repetition(candidate, served, limits=LIMITS, seed=0),
        guards.deviation(candidate, served, labeled=[0.5] * 40, limits=LIMITS, seed=0),
    ]
    assert all(each.passed is not None for each in found)
    return [each for each in found if each.passed is False]


@pytest.mark.parametrize("seed", range(1, 6))
def test_an_honest_policy_passes_all_of_them(seed):
    assert refused(honest(seed)) == []


@pytest.mark.parametrize(
    ("guard", "changes"),
    [
        ("held_out", {"second": [-2.0 + (place % 3) for place in range(60)]}),
        ("kl", {"kl": [20.0 + place / 10 for place in range(60)]}),
        ("length", {"lengths": [90.0 + place for place in range(60)]}),
        ("length", {"lengths": [1.0 + place % 2 for place in range(60)]}),
        ("eos", {"ended": [place % 2 == 0 for place in range(60)]}),
        ("repetition", {"repetition": [0.5 + place / 200 for place in range(60)]}),
        ("deviation", {"deviation": [0.6 + place / 1000 for place in range(60)]}),
    ],
)
def test_a_policy_that_games_the_proxy_is_refused_by_the_right_guard(guard, changes):
    [found] = refused(honest(1, **changes))

    assert found.name == guard
    assert len(found.worst) == 5
    assert len({PROMPTS[place] for place in found.worst}) == len(found.worst)


def test_the_worst_samples_come_first():
    lengths = [90.0] * 60
    lengths[17], lengths[40] = 400.0, 300.0

    [found] = refused(honest(1, lengths=lengths))

    assert found.worst[:2] == (17, 40)


def test_the_kl_that_few_judgements_justify_is_smaller():
    near, far = (Written(prompts=PROMPTS, lengths=[], ended=[], repetition=[], kl=[nats] * 60) for nats in (8.0, 11.0))

    few, many = ([guards.kl(each, limits=LIMITS, judgements=n, seed=0) for each in (near, far)] for n in (125, 2000))

    assert [(each.passed, each.limit) for each in few] == [(True, 10.0), (False, 10.0)]
    assert [(each.passed, each.limit) for each in many] == [(True, 20.0), (True, 20.0)]


def test_the_farther_a_policy_goes_the_more_the_heads_have_to_agree():
    def at(nats, deviation):
        candidate = honest(1, kl=[nats] * 60, deviation=[deviation] * 60)
        served = honest(0, deviation=[0.5] * 60)
        return guards.overoptimised(candidate, served, labeled=[0.4] * 20, limits=LIMITS, judgements=500, seed=0)

    near, far, unsure = at(5.0, 0.75), at(19.0, 0.5), at(19.0, 0.75)

    assert (near.passed, near.value) == (True, pytest.approx(0.75))  # 0.75 / 0.5 * sqrt(5 / 20)
    assert (far.passed, far.value) == (True, pytest.approx(0.97468))
    assert (unsure.passed, unsure.value, len(unsure.worst)) == (False, pytest.approx(1.46202), 5)


@pytest.mark.parametrize(
    ("changes", "labeled", "note"),
    [({"deviation": ()}, 20, "one_head"), ({"kl": ()}, 20, "not_measured"), ({}, 7, "few_labels")],
)
def test_without_heads_distance_or_judgements_over_optimisation_is_not_known(changes, labeled, note):
    candidate = honest(1, **changes)

    found = guards.overoptimised(candidate, honest(0), labeled=[0.5] * labeled, limits=LIMITS, judgements=100, seed=0)

    assert (found.passed, found.note, found.holds) == (None, note, True)


def test_a_kl_that_is_above_its_limit_by_chance_is_no_failure():
    candidate = Written(prompts=[1, 2, 3], lengths=[], ended=[], repetition=[], kl=[2.0, 50.0, 20.0])

    found = guards.kl(candidate, limits=LIMITS, judgements=1000, seed=0)

    assert found.passed
    assert found.value == pytest.approx(24.0)


def test_what_is_beyond_a_limit_by_chance_is_no_failure():
    two: dict[str, Any] = {"prompts": [1, 2], "ended": [True, True], "repetition": [0.0, 0.0]}
    candidate, served = Written(lengths=[70.0, 20.0], **two), Written(lengths=[20.0, 30.0], **two)

    found = guards.length(candidate, served, limits=LIMITS, seed=0)

    assert found.passed
    assert found.value == pytest.approx(1.8)


@pytest.mark.parametrize(
    ("found", "note", "holds"),
    [
        (guards.held_out_reward(honest(1), honest(0), limits=LIMITS, judgements=7, seed=0), "few_labels", True),
        (
            guards.held_out_reward(honest(1, second=()), honest(0), limits=LIMITS, judgements=9, seed=0),
            "few_labels",
            True,
        ),
        (
            guards.deviation(honest(1, deviation=()), honest(0), labeled=[1.0] * 9, limits=LIMITS, seed=0),
            "one_head",
            True,
        ),
        (guards.deviation(honest(1), honest(0), labeled=[1.0] * 7, limits=LIMITS, seed=0), "few_labels", True),
        (guards.regression([], [], limits=LIMITS), "no_prompts", False),
        (guards.flags("f", raised=0, raised_before=0, pairs=7, asked=True, limits=LIMITS), "few_labels", True),
        (guards.flags("f", raised=0, raised_before=0, pairs=99, asked=False, limits=LIMITS), "not_asked", False),
    ],
)
def test_a_guard_that_cannot_say_anything_says_so(found, note, holds):
    assert (found.passed, found.note, found.holds, found.worst) == (None, note, holds, ())


def test_the_reward_that_was_learned_from_must_not_be_sure_to_have_got_worse():
    assert guards.own_reward(win_rate=0.4, low=0.3, high=0.51, prompts=9).passed
    assert not guards.own_reward(win_rate=0.4, low=0.3, high=0.49, prompts=9).passed


def test_of_the_regression_set_few_may_be_lost_by_more_than_the_margin():
    before = [1.0] * 20
    two_lost = [1.0] * 17 + [0.1, -0.5, -0.4]

    assert guards.regression(two_lost, before, limits=LIMITS).passed
    found = guards.regression([*two_lost[:-3], -1.0, -0.5, -0.4], before, limits=LIMITS)
    assert (found.passed, found.value, found.worst) == (False, 0.15, (17, 18, 19))


def test_flags_fail_when_the_rise_is_sure():
    rare = guards.flags("flags_harmful", raised=6, raised_before=3, pairs=60, asked=True, limits=LIMITS)
    sure = guards.flags("flags_harmful", raised=16, raised_before=3, pairs=60, asked=True, limits=LIMITS)

    assert rare.passed
    assert not sure.passed
    # Newcombe's method 10 of 16/60 - 3/60.
    assert sure.low == pytest.approx(0.0876, abs=1e-4)
    assert sure.high == pytest.approx(0.3444, abs=1e-4)


def test_repeated_groups_are_counted_by_the_tokens():
    assert share_repeated([1, 2, 3, 4, 5]) == 0
    assert share_repeated([7, 7, 7, 7, 7, 7]) == pytest.approx(3 / 4)
    assert share_repeated([1, 2]) == 0


def test_where_all_that_policies_write_is_new_to_the_heads_a_candidate_like_the_served_one_passes():
    found = guards.deviation(honest(1), honest(0), labeled=[0.1] * 40, limits=LIMITS, seed=0)

    assert found.passed
    assert found.value == pytest.approx(5, rel=0.1)
