"""Starting and stopping."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from factories import judge
from procrastinate.contrib.django.models import ProcrastinateJob

from alignment import bookkeeping, services
from alignment.clocks.starting import fill_if_low, start_if_due
from alignment.models import LoopSettings, Metric, Policy, Run, RunState, Stage, Trigger
from labeling.errors import Conflict, Invalid, NotFound
from labeling.models import AuditEntry
from labeling.services.projects import update_project

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_jobs(db):
    """Jobs that tests with transactions of their own have left are not in the way: they are back afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def judged(cast, number):
    for _ in range(number):
        judge(cast.project, cast.bob)


def start(cast, **arguments):
    judged(cast, 1)
    return services.create_run(project_id=cast.project.pk, **arguments)


def test_a_project_gets_its_settings_and_version_1_once(cast):
    services.ensure_loop(project_id=cast.project.pk)
    services.ensure_loop(project_id=cast.project.pk)

    assert LoopSettings.objects.get().judgements_per_refresh == 50
    policy = Policy.objects.get()
    assert (policy.version, policy.is_serving, policy.path) == (1, True, "")


def test_a_run_remembers_what_it_is_made_from(cast):
    run = start(cast, seed=5, changes={"trainer": {"lr": 0.002}})

    assert (run.method, run.state, run.seed, run.parent.version) == ("dpo", "queued", 5, 1)
    assert run.snapshot_last == cast.project.labels.get().pk
    assert run.config["trainer"]["lr"] == 0.002
    assert run.config["trainer"]["seed"] == run.config["reward_trainer"]["seed"] == 5
    assert "+" in run.code_version


def test_ratings_are_learned_from_where_a_project_asks_for_nothing_else(cast):
    before = start(cast).config["reward_model"]["rating_weight"]
    update_project(project=cast.project, kinds=["rating", "pair"])
    after = start(cast).config["reward_model"]["rating_weight"]
    chosen = start(cast, changes={"reward_model": {"rating_weight": 0.25}}).config["reward_model"]["rating_weight"]

    assert (before, after, chosen) == (0.0, 1.0, 0.25)


@pytest.mark.parametrize(
    ("method", "loss", "beta"),
    [
        ("dpo", "dpo", 0.2),
        ("ipo", "ipo", 0.2),
        ("best_of", "best_of", 0.2),
        ("simpo", "simpo", 2.0),
        ("orpo", "orpo", 0.1),
    ],
)
def test_a_method_begins_with_its_own_loss_and_beta(cast, method, loss, beta):
    config = start(cast, method=method).config["direct"]

    assert (config["loss"], config["beta"]) == (loss, beta)


def test_the_loops_beta_is_in_the_units_of_each_method(cast):
    services.change_loop(project_id=cast.project.pk, beta=0.4)

    config = start(cast).config

    betas = {name: config[name]["beta"] for name in ("direct", "ppo", "reinforce", "nash_md")}
    assert betas == {"direct": 0.4, "ppo": 0.4, "reinforce": 0.4, "nash_md": 0.1}


def test_a_run_is_handed_to_the_worker_by_name(cast):
    run = start(cast)

    job = ProcrastinateJob.objects.get()
    assert (job.task_name, job.queue_name, job.args) == ("alignment.execute_run", "training", {"run_id": run.pk})


def test_a_run_that_is_rolled_back_leaves_no_job(cast):
    with transaction.atomic():
        start(cast)
        transaction.set_rollback(True)

    assert not ProcrastinateJob.objects.exists()
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "magic"}, "there is no method 'magic': use one of sft, rm, pm, dpo"),
        ({"changes": {"trainer": {"lr": -1}}}, "TrainerConfig.lr is -1; it must be a number above 0 up to 1"),
        ({"changes": {"trainer": {"speed": 1}}}, "TrainerConfig has no setting 'speed'"),
        ({"changes": {"cooking": {}}}, "a run has no section 'cooking'"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_by_name(cast, arguments, message):
    with pytest.raises(Invalid, match=message.split(";")[0].replace("(", r"\(")):
        start(cast, **arguments)

    assert not Run.objects.exists()


def test_without_judgements_there_is_nothing_to_run_on(cast):
    with pytest.raises(Invalid, match="there are no judgements to learn from"):
        services.create_run(project_id=cast.project.pk)


def test_the_loop_starts_a_run_when_enough_judgements_came_and_not_before(cast):
    services.change_loop(project_id=cast.project.pk, judgements_per_refresh=2)
    judged(cast, 1)

    before = start_if_due(project_id=cast.project.pk)
    judged(cast, 1)
    [run] = start_if_due(project_id=cast.project.pk)
    again = start_if_due(project_id=cast.project.pk)

    assert before == []
    assert run.method == "rm"
    assert (run.trigger, run.reason) == (Trigger.LOOP, "2 new judgements came in since the last refresh")
    assert again == []


def test_judgements_of_an_ended_run_do_not_count_again(cast):
    services.change_loop(project_id=cast.project.pk, judgements_per_refresh=2)
    judged(cast, 2)
    [run] = start_if_due(project_id=cast.project.pk)
    services.request_stop(run_id=run.pk)
    judged(cast, 1)

    assert start_if_due(project_id=cast.project.pk) == []
    judged(cast, 1)
    assert len(start_if_due(project_id=cast.project.pk)) == 1


def test_the_database_refuses_a_second_run_of_the_loop_under_way(cast):
    start(cast, trigger=Trigger.LOOP)

    with pytest.raises(IntegrityError, match="run_one_policy_of_the_loop"):
        start(cast, trigger=Trigger.LOOP)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"judgements_per_refresh": 0}, "judgements_per_refresh"),
        ({"method": "rm"}, "method"),
        ({"beta": -1.0}, "beta"),
        ({"luck": 1}, "the loop has no setting 'luck'"),
    ],
)
def test_a_loop_setting_out_of_range_is_refused_by_name(cast, changes, message):
    with pytest.raises(Invalid, match=message):
        services.change_loop(project_id=cast.project.pk, **changes)


def test_a_waiting_run_stops_at_once(cast):
    run = start(cast)

    services.request_stop(run_id=run.pk)

    run.refresh_from_db()
    assert run.state == RunState.STOPPED
    assert run.finished is not None
    assert bookkeeping.take_run(run_id=run.pk) is None


def test_a_running_run_is_asked_to_stop_and_hears_it_with_its_next_metrics(cast, attempt_at):
    run = start(cast)
    attempt = attempt_at(run)

    services.request_stop(run_id=run.pk)
    told = bookkeeping.record_metrics(run_id=run.pk, attempt=attempt, stage=Stage.POLICY, steps=[(1, {"a": 1})])

    run.refresh_from_db()
    assert told is True
    assert run.state == RunState.RUNNING


def test_a_run_that_ended_can_not_be_stopped(cast):
    run = start(cast)
    services.request_stop(run_id=run.pk)

    with pytest.raises(Conflict, match=f"run {run.pk} is stopped"):
        services.request_stop(run_id=run.pk)


def test_samples_are_asked_for_once_while_a_job_waits(cast):
    services.ensure_loop(project_id=cast.project.pk)
    prompt = cast.items[0].prompt_id

    first = services.request_samples(project_id=cast.project.pk, prompt_id=prompt, versions=[1])
    second = services.request_samples(project_id=cast.project.pk, prompt_id=prompt, versions=[1])

    assert (first, second) == (True, False)
    assert ProcrastinateJob.objects.get().args["versions"] == [1]


def test_samples_of_an_unknown_version_or_a_foreign_prompt_are_refused(cast):
    services.ensure_loop(project_id=cast.project.pk)
    services.ensure_loop(project_id=cast.other_project.pk)

    with pytest.raises(Invalid, match=r"versions are \[7\]"):
        services.request_samples(project_id=cast.project.pk, prompt_id=cast.items[0].prompt_id, versions=[7])
    with pytest.raises(NotFound, match="no prompt"):
        services.request_samples(project_id=cast.other_project.pk, prompt_id=cast.items[0].prompt_id, versions=[1])


def test_an_empty_queue_is_filled_by_one_job(cast):
    first = fill_if_low(project_id=cast.project.pk)
    second = fill_if_low(project_id=cast.project.pk)

    assert (first, second) == (True, False)


def test_a_project_without_prompts_is_not_filled(cast):
    assert fill_if_low(project_id=cast.other_project.pk) is False


# --- what a worker writes


def test_a_step_that_is_reported_again_is_written_over(cast, attempt_at):
    run = start(cast)
    attempt = attempt_at(run)
    here = {"run_id": run.pk, "attempt": attempt, "stage": Stage.POLICY}

    bookkeeping.record_metrics(**here, steps=[(1, {"loss": 0.7}), (2, {"loss": 0.6})])
    bookkeeping.record_metrics(**here, steps=[(2, {"loss": 0.5, "kl": float("nan")})])

    assert list(Metric.objects.values_list("step", "values")) == [(1, {"loss": 0.7}), (2, {"loss": 0.5})]


def test_a_worker_whose_run_was_taken_by_another_can_write_no_more(cast, attempt_at):
    run = start(cast)
    first = attempt_at(run)
    bookkeeping.take_run(run_id=run.pk)

    with pytest.raises(bookkeeping.RunTaken):
        bookkeeping.record_metrics(run_id=run.pk, attempt=first, stage=Stage.POLICY, steps=[(1, {"loss": 0.7})])

    assert not Metric.objects.exists()


def test_a_failed_run_keeps_its_readable_reason(cast, attempt_at):
    run = start(cast)
    attempt = attempt_at(run)

    bookkeeping.fail_run(run_id=run.pk, attempt=attempt, error="the disk is full", traceback="Traceback ...")

    run.refresh_from_db()
    assert (run.state, run.error, run.traceback) == ("failed", "the disk is full", "Traceback ...")


def test_two_open_runs_reserve_different_versions_and_each_the_same_one_again(cast, attempt_at):
    runs = [start(cast), start(cast)]
    attempts = [attempt_at(run) for run in runs]

    reserved = [
        bookkeeping.reserve_version(run_id=run.pk, attempt=attempt)
        for _ in range(2)
        for run, attempt in zip(runs, attempts, strict=True)
    ]

    assert reserved == [2, 3, 2, 3]


def test_a_run_s_policy_is_registered_once(cast, attempt_at):
    run = start(cast)
    attempt = attempt_at(run)
    fields: dict[str, Any] = {"version": 2, "path": "policies/colours/2", "digest": "a" * 64, "base_digest": "b" * 64}

    first = bookkeeping.register_policy(run_id=run.pk, attempt=attempt, **fields)
    second = bookkeeping.register_policy(run_id=run.pk, attempt=attempt, **fields)

    assert first == second
    assert (first.parent, first.status) == (Policy.objects.get(version=1), "candidate")


def test_another_base_model_is_refused_under_living_policies(cast):
    services.ensure_loop(project_id=cast.project.pk)
    bookkeeping.confirm_base(project_id=cast.project.pk, digest="a" * 64)
    bookkeeping.confirm_base(project_id=cast.project.pk, digest="a" * 64)

    with pytest.raises(ValueError, match="set MODEL back"):
        bookkeeping.confirm_base(project_id=cast.project.pk, digest="b" * 64)


def test_imported_judgements_start_no_run_by_themselves(cast):
    services.change_loop(project_id=cast.project.pk, judgements_per_refresh=1)
    judged(cast, 1)
    cast.project.labels.update(source="import")

    assert start_if_due(project_id=cast.project.pk) == []


def test_a_change_of_the_loop_is_remembered_with_who_made_it(cast):
    services.ensure_loop(project_id=cast.project.pk)
    before = LoopSettings.objects.get(pk=cast.project.pk).judgements_per_refresh

    services.change_loop(project_id=cast.project.pk, changed_by=cast.alice.pk, judgements_per_refresh=77)
    services.change_loop(project_id=cast.project.pk, changed_by=cast.alice.pk, judgements_per_refresh=77)

    [entry] = AuditEntry.objects.filter(action="loop.settings")
    assert (entry.actor, entry.before, entry.after) == (
        cast.alice,
        {"judgements_per_refresh": before},
        {"judgements_per_refresh": 77},
    )
