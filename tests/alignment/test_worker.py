"""Real worker processes, and what may happen to them."""

from __future__ import annotations

import signal
import time

import psycopg
import pytest
from django.db import connections
from factories import judge
from procrastinate.contrib.django import connector_params
from procrastinate.contrib.django.models import ProcrastinateJob
from talking import converse, speak

from alignment import services
from alignment.models import Metric, Policy, Run, Stage, Trigger
from labeling.models import Item, Turn
from labeling.services.projects import update_project

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LONG = {"reward_trainer": {"steps": 120, "checkpoint_every_steps": 10}}


@pytest.fixture(autouse=True)
def short_rounds(judged):
    """Filling the queue at the start takes a moment only."""
    services.change_loop(project_id=judged.project.pk, prompts_per_round=1, max_new_tokens=8)


def jobs_of(run):
    return ProcrastinateJob.objects.filter(args__run_id=run.pk)


def steps_of(run, stage=Stage.REWARD_MODEL):
    return list(Metric.objects.filter(run=run, stage=stage).order_by("step").values_list("step", flat=True))


def is_in(run, *states):
    run.refresh_from_db()
    return run.state in states


def test_a_worker_takes_a_waiting_run_and_ends_within_seconds_of_sigterm(start, workers):
    run = start("rm")
    process = workers.start_cold()
    workers.wait_until(lambda: is_in(run, "finished"), what="the end of the run")

    process.terminate()
    began = time.monotonic()
    status = process.wait(timeout=20)

    assert status == 0
    assert time.monotonic() - began < 15
    assert not jobs_of(run).exists()


def test_a_worker_writes_for_somebody_who_waits_in_a_conversation(judged, workers):
    update_project(project=judged.project, conversation_opening="topic")
    turn = speak(converse(judged.project, judged.dora, prompt="Talk about tea."), "Which tea is green?")

    workers.start()
    workers.wait_until(lambda: Turn.objects.get(pk=turn.pk).order, what="completions of the turn")

    assert Turn.objects.get(pk=turn.pk).state == "offered"


def test_a_writer_writes_for_a_conversation_while_a_run_has_the_device(judged, start, workers):
    update_project(project=judged.project, conversation_opening="topic")
    run = start("rm", more={"reward_trainer": {"steps": 2000}})
    turn = speak(converse(judged.project, judged.dora, prompt="Talk about tea."), "Which tea is green?")
    taken = ProcrastinateJob.objects.filter(queue_name="conversations", status="todo")
    taken.update(status="doing")  # by a writer that was killed
    workers.start("--queues", "training")
    workers.wait_until(lambda: steps_of(run), what="the first steps")
    waiting = Turn.objects.get(pk=turn.pk).state

    writer = workers.start("--queues", "conversations")
    workers.wait_until(lambda: Turn.objects.get(pk=turn.pk).order, what="completions of the turn")

    assert (waiting, Turn.objects.get(pk=turn.pk).state) == ("waiting", "offered")
    assert is_in(run, "running")
    assert not ProcrastinateJob.objects.filter(queue_name="conversations").exclude(status="succeeded").exists()
    writer.terminate()
    assert writer.wait(timeout=20) == 0


def test_a_worker_that_is_killed_in_training_is_followed_by_one_that_goes_on_from_the_checkpoint(start, workers):
    run = start("rm", more=LONG)
    first = workers.start()
    workers.wait_until(lambda: len(steps_of(run)) > 40, what="forty steps")

    first.send_signal(signal.SIGKILL)
    first.wait()
    reported = len(steps_of(run))
    workers.start()
    workers.wait_until(lambda: is_in(run, "finished", "failed"), what="the end of the run")

    assert (run.state, run.error, run.attempts) == ("finished", "", 2)
    assert reported < 120
    assert steps_of(run) == list(range(1, 121))
    assert "put back" in workers.log.read_text()
    workers.wait_until(lambda: not jobs_of(run).exists(), what="the end of the job")


def test_a_second_worker_of_the_slot_stands_by_and_takes_over(start, workers):
    run = start("rm", more=LONG)
    first = workers.start()
    workers.wait_until(lambda: steps_of(run), what="the first steps")
    second = workers.start()
    time.sleep(1)

    first.kill()
    first.wait()
    workers.wait_until(lambda: is_in(run, "finished", "failed"), what="the end of the run")

    assert (run.state, run.attempts) == ("finished", 2)
    assert second.poll() is None


def test_sigterm_in_training_leaves_the_run_open_and_the_next_worker_ends_it(start, workers):
    run = start("rm", more=LONG)
    first = workers.start()
    workers.wait_until(lambda: len(steps_of(run)) > 5, what="some steps")

    first.terminate()
    status = first.wait(timeout=20)
    run.refresh_from_db()
    state = run.state
    workers.start()
    workers.wait_until(lambda: is_in(run, "finished", "failed"), what="the end of the run")

    assert (status, state) == (0, "running")
    assert (run.state, run.error) == ("finished", "")
    assert steps_of(run) == list(range(1, 121))


def test_a_worker_whose_connections_are_cut_goes_on_with_its_run(start, workers):
    run = start("rm", more=LONG)
    process = workers.start()
    workers.wait_until(lambda: len(steps_of(run)) > 20, what="twenty steps")

    with psycopg.connect(**connector_params(), autocommit=True) as other:
        mine = "SELECT pg_backend_pid()"
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            f"AND pid <> ({mine}) AND backend_type = 'client backend'"
        )
    # This process lost its connections too, and begins anew; how the worker copes is what is asked here.
    connections["default"].close()
    workers.wait_until(lambda: is_in(run, "finished", "failed"), what="the end of the run")

    assert (run.state, run.error, run.attempts) == ("finished", "", 1)
    assert steps_of(run) == list(range(1, 121))
    assert process.poll() is None
    later = start("rm")
    workers.wait_until(lambda: is_in(later, "finished"), what="a run after it")


def test_a_run_whose_job_was_lost_is_found_and_executed(start, workers):
    run = start("rm")
    with psycopg.connect(**connector_params(), autocommit=True) as other:
        other.execute("DELETE FROM procrastinate_jobs")

    workers.start()

    workers.wait_until(lambda: is_in(run, "finished"), what="the end of the run")


def test_judgements_close_the_loop_a_new_version_writes_items_for_the_queue(judged, workers):
    services.change_loop(project_id=judged.project.pk, judgements_per_refresh=8, prompts_per_round=4)
    workers.start()
    # The queue is empty but for the worker, which keeps it filled; so two more items can be judged.
    workers.wait_until(lambda: judged.project.slots.filter(is_done=False).count() >= 2, what="a filled queue")
    before = Run.objects.count()
    judge(judged.project, judged.bob)
    judge(judged.project, judged.dora)

    ended = Run.objects.filter(state__in=["finished", "failed"]).exclude(method="rm")
    workers.wait_until(ended.exists, what="a policy run of the loop")

    refresh, run = Run.objects.order_by("id")
    assert before == 0
    assert (refresh.method, refresh.trigger, refresh.state, refresh.error) == ("rm", Trigger.LOOP, "finished", "")
    assert refresh.reason == "8 new judgements came in since the last refresh"
    assert (run.trigger, run.state, run.error) == (Trigger.LOOP, "finished", "")
    assert run.rewarded_by == refresh.reward_model
    assert run.results["reward_model"]["reused"] is True
    assert run.policy.version == 2
    # It is at the gate and writes beside the first one, which serves, unless a guard refused it.
    assert Policy.objects.get(project=judged.project, is_serving=True).version == 1
    writer = 2 if run.results["evaluation"]["state"] == "asking" else 1
    items = Item.objects.filter(policy_version=writer, created__gte=run.started, priority__lt=31_000)
    assert items.count() == run.results["sampling"]["items"] > 0


def test_samples_that_somebody_asked_for_are_written(judged, workers):
    prompt = judged.items[0].prompt_id
    services.request_samples(project_id=judged.project.pk, prompt_id=prompt, versions=[1])

    workers.start()

    samples = Policy.objects.get(project=judged.project, version=1).samples
    workers.wait_until(lambda: samples.filter(prompt=prompt).count() == 2, what="two samples")
