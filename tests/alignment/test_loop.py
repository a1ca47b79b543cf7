"""What the loop decides."""

from __future__ import annotations

import pytest

from alignment.loop import Facts, Verdict, gate, should_fill, should_start, what_next


def facts(**changes):
    usual = {
        "enabled": True,
        "new_judgements": 10,
        "judgements_per_run": 10,
        "open_run": None,
        "open_slots": 20,
        "prompts_per_round": 20,
        "has_prompts": True,
    }
    return Facts(**{**usual, **changes})


def test_enough_new_judgements_start_a_run():
    assert should_start(facts()) == "10 new judgements came in since the last run"


@pytest.mark.parametrize("changes", [{"new_judgements": 9}, {"enabled": False}, {"open_run": 3}])
def test_too_few_judgements_a_switched_off_loop_or_a_run_under_way_start_none(changes):
    assert should_start(facts(**changes)) is None


def test_the_queue_is_filled_below_half_a_round():
    assert should_fill(facts(open_slots=9))
    assert not should_fill(facts(open_slots=10))


@pytest.mark.parametrize("changes", [{"has_prompts": False}, {"written_out": True}])
def test_nothing_is_written_without_prompts_or_when_all_is_written(changes):
    assert not should_fill(facts(open_slots=0, **changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"new_judgements": 7}, "After 3 more judgements a run starts (7 of 10 since the last one)."),
        ({"new_judgements": 9}, "After 1 more judgement a run starts (9 of 10 since the last one)."),
        ({}, "A run is about to start: there are enough new judgements."),
        ({"enabled": False}, "Nothing starts by itself: the loop is switched off for this project."),
        ({"open_run": 4}, "Run 4 is under way; judgements that come in meanwhile count for the next one."),
    ],
)
def test_the_page_says_what_comes_next(changes, sentence):
    assert what_next(facts(**changes)) == sentence


def verdict(**changes):
    usual = {
        "win_rate": 0.6,
        "win_rate_low": 0.45,
        "win_rate_high": 0.75,
        "eos_rate": 0.9,
        "eos_rate_before": 0.95,
    }
    return Verdict(**{**usual, **changes})


def test_a_policy_that_may_be_better_passes_the_gate():
    assert gate(verdict()) is None


def test_a_policy_whose_whole_interval_is_below_one_half_is_refused():
    refused = gate(verdict(win_rate=0.3, win_rate_low=0.2, win_rate_high=0.49))

    assert refused == "its held-out reward got worse: it wins 30% (20% to 49%) against the served policy"


def test_a_policy_that_stopped_ending_its_completions_is_refused():
    assert gate(verdict(eos_rate=0.4)) == "only 40% of its completions end, before it were 95%"
