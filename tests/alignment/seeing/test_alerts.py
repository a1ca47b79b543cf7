"""What somebody should look at: each alert is there while its cause is, and no longer."""

from __future__ import annotations

import pytest
from django.db import connection

from alignment import bookkeeping, services
from alignment.clocks.facts import facts
from alignment.locks import Locks, slot_lock
from alignment.models import Cause, Policy, Promotion, PromotionState, RewardModel, Run
from alignment.seeing.alerts import alerts
from labeling import exchange
from labeling.services.archive import archive_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker_lives():
    locks = Locks()
    locks.take(slot_lock(2))
    yield locks
    locks.close()


def found(cast):
    project = exchange.project_record(cast.project.pk)
    return {alert.code: alert for alert in alerts(project, facts(cast.project.pk))}


def reward_model(run, *, accuracy, low, high):
    fields = {"path": "p", "digest": "a" * 64, "base_digest": "b" * 64, "number": 1, "is_current": True}
    interval = {"accuracy": accuracy, "accuracy_low": low, "accuracy_high": high}
    return RewardModel.objects.create(project_id=run.project_id, run=run, **fields, **interval)


def test_where_all_is_well_there_is_none(cast, worker_lives):
    assert found(cast) == {}


def test_a_worker_that_ended_is_away_though_one_that_serves_conversations_lives(cast, worker_lives):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    alive = found(cast)
    worker_lives.close()
    away = found(cast)

    assert "worker_away" not in alive
    assert away["worker_away"].said == "No worker is there."


def test_jobs_that_nobody_takes_are_mentioned(run, cast):
    assert found(cast)["worker_away"].said == "No worker is there, and jobs wait for one."


def test_a_failed_run_is_told_until_the_next_one_of_its_clock_ends_well(cast, run, attempt_at, worker_lives):
    bookkeeping.fail_run(run_id=run.pk, attempt=attempt_at(run), error="CUDA out of memory", traceback="")
    failed = found(cast)
    refresh = services.create_run(project_id=cast.project.pk, method="rm")
    bookkeeping.finish_run(run_id=refresh.pk, attempt=attempt_at(refresh))
    of_another_clock = found(cast)
    again = services.create_run(project_id=cast.project.pk)
    bookkeeping.finish_run(run_id=again.pk, attempt=attempt_at(again))

    assert failed["run_failed"].said == f"Run {run.pk} failed: CUDA out of memory"
    assert failed["run_failed"].url == f"/p/colours/runs/{run.pk}/"
    assert "run_failed" in of_another_clock
    assert "run_failed" not in found(cast)


@pytest.mark.parametrize(
    ("accuracy", "low", "high", "code"),
    [
        (0.55, 0.45, 0.65, "accuracy_chance"),
        (0.75, 0.65, 0.85, None),
        (0.3, 0.2, 0.4, "accuracy_chance"),
        (None, None, None, "accuracy_unknown"),
    ],
)
def test_a_reward_model_that_may_be_guessing_is_told(cast, run, worker_lives, accuracy, low, high, code):
    reward_model(run, accuracy=accuracy, low=low, high=high)

    told = {name for name in found(cast) if name.startswith("accuracy")}

    assert told == ({code} if code else set())


def test_guards_that_failed_are_told_until_the_version_serves_or_another_comes(cast, run, worker_lives):
    base = Policy.objects.get(project=cast.project, version=1)
    fields = {"run": run, "method": "dpo", "path": "p", "digest": "0" * 64, "parent": base}
    policy = Policy.objects.create(project=cast.project, version=2, **fields)
    guards = [{"name": "kl", "passed": False}, {"name": "length", "passed": True}, {"name": "flags", "passed": None}]
    ended = {"state": PromotionState.REJECTED, "cause": Cause.GUARD, "decided": run.created}
    limits = {"alpha": 0.05, "most_pairs": 200, "seed": 1}
    promotion = Promotion.objects.create(
        project=cast.project, candidate=policy, against=base, guards=guards, **ended, **limits
    )

    held = found(cast)
    Promotion.objects.filter(pk=promotion.pk).update(state=PromotionState.PROMOTED, cause=Cause.PERSON)

    assert held["guards_failed"].said == "Version 2 was held back by these guards: Distance from the base."
    assert "guards_failed" not in found(cast)


def test_an_empty_queue_is_told_and_not_that_of_an_archived_project(cast, worker_lives):
    from labeling.models import Item, Slot

    Slot.objects.all().delete()
    Item.objects.all().delete()
    empty = found(cast)
    archive_project(project=cast.project, changed_by=cast.alice)

    assert empty["queue_empty"].said == "The queue is empty."
    assert "queue_empty" not in found(cast)
    assert Run.objects.count() == 0
