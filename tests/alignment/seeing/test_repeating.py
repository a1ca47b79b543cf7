"""Doing a run again."""

from __future__ import annotations

import pytest
from factories import judge

from alignment import bookkeeping, services, worker
from alignment.models import Run
from alignment.seeing.repeating import repeat_run, sameness
from labeling.exchange import Conflict
from labeling.models import Rank


def test_a_repeated_run_gives_the_same_weights_although_judgements_were_added(start, judged):
    first = worker.execute_run(start("ppo", seed=7, more={"trainer": {"steps": 3}, "reward_trainer": {"steps": 3}}).pk)
    assert first is not None
    # Whatever happened to the table since: the run's own copy of its judgements is what is read.
    Rank.objects.all().delete()
    add = services.create_run(project_id=judged.project.pk, seed=8, start=False)

    second = worker.execute_run(repeat_run(run_id=first.pk, start=False).pk)

    assert second is not None
    assert (first.state, second.state) == ("finished", "finished")
    same = sameness(second)
    assert (same.is_same, same.original, same.is_same_code) == (True, first.pk, True)
    assert second.policy.digest == first.policy.digest
    assert second.policy.version == first.policy.version + 1
    assert (second.snapshot_digest, second.rewarded_by_id) == (first.snapshot_digest, first.rewarded_by_id)
    assert sameness(add) is None


@pytest.mark.django_db
def test_a_repetition_takes_everything_from_the_run_and_nothing_from_today(cast, run, attempt_at):
    bookkeeping.stop_run(run_id=run.pk, attempt=attempt_at(run))
    judge(cast.project, cast.bob)
    services.change_loop(project_id=cast.project.pk, beta=3.0, method="ppo", seed=99)

    again = repeat_run(run_id=run.pk, creator_id=cast.alice.pk)

    kept = ("method", "config", "seed", "snapshot_last", "parent_id")
    assert {name: getattr(again, name) for name in kept} == {name: getattr(run, name) for name in kept}
    assert (again.repeats_id, again.state, again.creator_id, again.trigger) == (
        run.pk,
        "queued",
        cast.alice.pk,
        "person",
    )
    assert sameness(again).is_same is None


@pytest.mark.django_db
def test_a_run_that_goes_on_can_not_be_repeated_yet(run):
    with pytest.raises(Conflict, match="is queued: it can be repeated when it has ended"):
        repeat_run(run_id=run.pk)

    assert Run.objects.count() == 1
