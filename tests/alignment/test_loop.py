"""What the loop decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from alignment.loop import (
    Clock,
    Facts,
    policy_next,
    reason_shown,
    refresh_next,
    should_fill,
    should_refresh,
    should_train,
    what_next,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def facts(**changes):
    usual = {
        "enabled": True,
        "now": NOW,
        "refresh": Clock(),
        "policy": Clock(),
        "new_judgements": 10,
        "judgements_per_refresh": 10,
        "waiting_since": None,
        "refreshes": 0,
        "refreshes_per_policy": 1,
        "minutes_between_runs": 0,
        "minutes_at_most": None,
        "open_slots": 20,
        "prompts_per_round": 20,
        "has_prompts": True,
    }
    return Facts(**{**usual, **changes})


def minutes_ago(minutes):
    return NOW - timedelta(minutes=minutes)


def test_enough_new_judgements_refresh_the_reward_model():
    assert should_refresh(facts()) == "10 new judgements came in since the last refresh"


@pytest.mark.parametrize(
    "changes",
    [
        {"new_judgements": 9},
        {"enabled": False},
        {"refresh": Clock(enabled=False)},
        {"refresh": Clock(open_run=3)},
        {"refresh": Clock(started=minutes_ago(9)), "minutes_between_runs": 10},
    ],
)
def test_too_few_judgements_a_paused_clock_a_run_under_way_or_one_just_now_refresh_nothing(changes):
    assert should_refresh(facts(**changes)) is None


def test_a_run_of_the_other_clock_holds_none_back():
    assert should_refresh(facts(policy=Clock(open_run=3)))
    assert should_train(facts(refresh=Clock(open_run=3), refreshes=1))


def test_a_judgement_waits_no_longer_than_it_may():
    waits = {"new_judgements": 1, "minutes_at_most": 30}

    assert should_refresh(facts(waiting_since=minutes_ago(30), **waits)) == "a judgement waited for 30 minutes"
    assert should_refresh(facts(waiting_since=minutes_ago(29), **waits)) is None


@pytest.mark.parametrize(("refreshes", "needed", "reason"), [
    (1, 1, "the reward model was refreshed since the last policy run"),
    (2, 2, "the reward model was refreshed 2 times since the last policy run"),
    (1, 2, None),
    (0, 1, None),
])  # fmt: skip
def test_a_policy_is_trained_after_refreshes(refreshes, needed, reason):
    assert should_train(facts(refreshes=refreshes, refreshes_per_policy=needed)) == reason


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 1), (2, 2), (3, 4), (4, 8), (9, 256), (10, 360), (20, 360), (1000, 360)]
)
def test_after_failures_a_clock_stands_back_twice_as_long_each_time_up_to_six_hours(failures, minutes):
    before = Clock(failures=failures, failed=minutes_ago(minutes) + timedelta(seconds=1))
    after = Clock(failures=failures, failed=minutes_ago(minutes))

    assert should_refresh(facts(refresh=before)) is None
    assert should_refresh(facts(refresh=after))


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), timedelta(days=3650)])
def test_a_clock_that_was_set_back_keeps_no_run_from_starting(ahead):
    # The last run started, and failed, at what is the future now: it counts as long ago.
    jumped = Clock(started=NOW + ahead, failures=5, failed=NOW + ahead)

    assert should_refresh(facts(refresh=jumped, minutes_between_runs=10))
    assert should_train(facts(policy=jumped, minutes_between_runs=10, refreshes=1))


def test_a_clock_that_was_set_forward_starts_one_run_early_and_no_second_one():
    jump = timedelta(days=400)
    early = facts(now=NOW + jump, refresh=Clock(started=NOW), minutes_between_runs=10)
    then = facts(now=NOW + jump, refresh=Clock(started=NOW + jump), minutes_between_runs=10)

    assert should_refresh(early)
    assert should_refresh(then) is None


def test_the_queue_is_filled_below_half_a_round():
    assert should_fill(facts(open_slots=9))
    assert not should_fill(facts(open_slots=10))


@pytest.mark.parametrize("changes", [{"has_prompts": False}, {"written_out": True}])
def test_nothing_is_written_without_prompts_or_when_all_is_written(changes):
    assert not should_fill(facts(open_slots=0, **changes))


UNDER_WAY = "Run 4 is under way; judgements that come in meanwhile count for the next one."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"new_judgements": 7}, "After 3 more judgements the reward model is refreshed (7 of 10)."),
        ({"new_judgements": 9}, "After 1 more judgement the reward model is refreshed (9 of 10)."),
        (
            {"new_judgements": 7, "minutes_at_most": 30, "waiting_since": minutes_ago(10)},
            "After 3 more judgements the reward model is refreshed (7 of 10). At the latest at 12:20 UTC.",
        ),
        ({}, "A refresh is about to start: there are enough judgements."),
        ({"enabled": False}, "Nothing starts by itself: the loop is switched off for this project."),
        ({"refresh": Clock(enabled=False)}, "Paused: the reward model stays as it is."),
        ({"refresh": Clock(open_run=4)}, UNDER_WAY),
        (
            {"refresh": Clock(started=minutes_ago(4)), "minutes_between_runs": 10},
            "It is due, and starts at 12:06 UTC: runs are 10 minutes apart at least.",
        ),
        (
            {"refresh": Clock(failures=3, failed=minutes_ago(1))},
            "It failed 3 times in a row; it is tried again at 12:03 UTC, or now by hand.",
        ),
    ],
)
def test_the_page_says_what_the_clock_of_the_reward_model_does_next(changes, sentence):
    assert refresh_next(facts(**changes)) == sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "After 1 more refresh of the reward model a policy is trained."),
        ({"refreshes_per_policy": 2}, "After 2 more refreshes of the reward model a policy is trained."),
        ({"refreshes": 1}, "A policy run is about to start on the new reward model."),
        ({"policy": Clock(enabled=False)}, "Paused: no policy is trained by itself."),
        (
            {"refresh": Clock(enabled=False)},
            "It waits for a refresh of the reward model, and that clock is paused.",
        ),
        ({"policy": Clock(open_run=4)}, UNDER_WAY),
        ({"enabled": False}, "Nothing starts by itself: the loop is switched off for this project."),
    ],
)
def test_the_page_says_what_the_clock_of_the_policy_does_next(changes, sentence):
    assert policy_next(facts(**changes)) == sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"new_judgements": 7}, "After 3 more judgements the reward model is refreshed (7 of 10)."),
        ({"refreshes": 1}, "A policy run is about to start on the new reward model."),
        ({"policy": Clock(open_run=4)}, UNDER_WAY),
    ],
)
def test_one_sentence_says_what_comes_first(changes, sentence):
    assert what_next(facts(**changes)) == sentence


@pytest.mark.parametrize(
    ("changes", "german"),
    [
        ({}, "10 neue Urteile seit der letzten Auffrischung"),
        ({"new_judgements": 1, "waiting_since": minutes_ago(9), "minutes_at_most": 9}, "9 Minuten"),
    ],
)
def test_why_a_refresh_began_is_said_in_the_language_of_the_reader(changes, german):
    reason = should_refresh(facts(**changes))

    assert reason is not None
    with translation.override("de"):
        assert german in reason_shown(reason)


@pytest.mark.parametrize(
    ("number", "german"), [(1, "seit dem letzten Policy-Lauf aufgefrischt"), (3, "3-mal aufgefrischt")]
)
def test_why_a_policy_run_began_is_said_in_the_language_of_the_reader(number, german):
    reason = should_train(facts(refreshes=number))

    assert reason is not None
    with translation.override("de"):
        assert german in reason_shown(reason)
        assert reason_shown("somebody's own words") == "somebody's own words"
