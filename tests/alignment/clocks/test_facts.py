"""What the clocks read from the rows of a loop."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import judge

from alignment import services
from alignment.clocks.facts import facts
from labeling.models import Label

pytestmark = pytest.mark.django_db


def known(cast):
    return facts(cast.project.pk)


def judged(cast, number=1):
    for _ in range(number):
        judge(cast.project, cast.bob)
    return Label.objects.order_by("-id").first().pk


def test_judgements_count_from_what_the_newest_reward_model_has_seen(cast, past):
    seen = judged(cast, 2)
    past.reward_model(seen=seen, is_current=True)
    judged(cast)

    assert known(cast).new_judgements == 1


def test_a_rollback_makes_no_judgement_new_again(cast, past):
    past.reward_model(seen=0, is_current=True)
    past.reward_model(seen=judged(cast, 2))

    assert known(cast).new_judgements == 0


@pytest.mark.parametrize(("state", "new"), [("failed", 2), ("stopped", 0)])
def test_a_refresh_that_failed_has_used_nothing_up_and_one_that_a_person_stopped_has(cast, past, state, new):
    past.run(state=state, seen=judged(cast, 2))

    assert known(cast).new_judgements == new


def test_imported_judgements_are_not_waited_with(cast, past):
    judged(cast)
    cast.project.labels.update(source="import")
    services.change_loop(project_id=cast.project.pk, minutes_at_most=10)

    assert (known(cast).new_judgements, known(cast).waiting_since) == (0, None)


def test_the_oldest_new_judgement_says_since_when_is_waited(cast, past):
    judged(cast, 2)
    services.change_loop(project_id=cast.project.pk, minutes_at_most=10)

    assert known(cast).waiting_since == Label.objects.order_by("id").first().created


def test_refreshes_count_from_the_last_policy_run_that_did_not_fail(cast, past):
    past.reward_model()
    past.run("dpo")
    past.reward_model()
    past.reward_model()
    past.run("dpo", state="failed")
    services.change_loop(project_id=cast.project.pk, refreshes_per_policy=5)

    assert known(cast).refreshes == 2


def test_a_reward_model_that_a_policy_run_trained_itself_calls_for_no_other_policy_run(cast, past):
    run = past.run("dpo")
    past.reward_model(run=run)

    assert known(cast).refreshes == 0


@pytest.mark.parametrize(
    ("states", "failures"),
    [
        (["failed"], 1),
        (["finished", "failed", "failed"], 2),
        (["failed", "finished"], 0),
        (["failed", "stopped"], 0),
        (["failed"] * 25, 21),
    ],
)
def test_failures_count_back_to_the_last_run_that_did_not_fail(cast, past, states, failures):
    for state in states:
        past.run(state=state, ago=timedelta(hours=1))

    assert known(cast).refresh.failures == failures
    assert known(cast).policy.failures == 0


def test_a_run_by_hand_begins_the_count_of_failures_anew(cast, past):
    past.run("dpo", state="failed")
    past.run("dpo", state="failed", trigger="person")

    assert known(cast).policy.failures == 0


def test_each_clock_knows_its_own_open_run_and_its_last_start(cast, past):
    refresh = past.run(state="queued", ago=timedelta(minutes=3))
    train = past.run("ppo", state="running", trigger="person")

    assert (known(cast).refresh.open_run, known(cast).policy.open_run) == (refresh.pk, train.pk)
    assert known(cast).refresh.started == refresh.created


def test_a_long_loop_needs_no_more_queries_than_a_short_one(cast, past, django_assert_num_queries):
    judged(cast)
    past.reward_model()
    with django_assert_num_queries(10):
        known(cast)
    for _ in range(50):
        past.reward_model()
        past.run("dpo", state="failed")

    with django_assert_num_queries(10):
        known(cast)
