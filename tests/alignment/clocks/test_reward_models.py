"""Which reward model gives the rewards."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from alignment import selectors
from alignment.bookkeeping import RunTaken
from alignment.clocks import reward_models
from alignment.models import RewardModel
from labeling.errors import Conflict, NotFound
from labeling.models import AuditEntry

pytestmark = pytest.mark.django_db
FIELDS = {"path": "reward_models/colours/9", "digest": "a" * 64, "base_digest": "b" * 64}


def register(past, *, seen, on_purpose=False):
    run = past.run(state="running", seen=seen, attempts=1, trigger="person")
    return reward_models.register(run_id=run.pk, attempt=1, on_purpose=on_purpose, **FIELDS)


def current(past):
    found = selectors.current_reward_model(past.project.pk)
    return found.number if found else None


def test_reward_models_are_numbered_and_the_newest_one_is_current(past):
    numbers = [register(past, seen=seen).number for seen in (3, 5)]

    assert numbers == [1, 2]
    assert current(past) == 2


def test_registered_again_after_a_restart_it_is_the_same_one(past):
    run = past.run(state="running", seen=3, attempts=1)

    first, second = [reward_models.register(run_id=run.pk, attempt=1, on_purpose=False, **FIELDS).pk for _ in range(2)]

    assert first == second
    run.refresh_from_db()
    assert run.rewarded_by_id == first


def test_one_that_has_seen_less_does_not_take_the_place_of_one_that_has_seen_more(past):
    register(past, seen=9)
    register(past, seen=4)

    assert current(past) == 1


def test_what_somebody_tries_out_becomes_current_only_where_there_is_none(past):
    register(past, seen=3, on_purpose=True)
    register(past, seen=5, on_purpose=True)

    assert current(past) == 1


def test_a_worker_that_lost_its_run_registers_nothing(past):
    run = past.run(state="running", attempts=2)

    with pytest.raises(RunTaken):
        reward_models.register(run_id=run.pk, attempt=1, on_purpose=False, **FIELDS)

    assert not RewardModel.objects.exists()


def test_a_rollback_makes_an_older_one_current_and_is_remembered(cast, past):
    register(past, seen=3)
    register(past, seen=5)

    for _ in range(2):
        reward_models.make_current(project_id=cast.project.pk, number=1, changed_by=cast.alice.pk)

    assert current(past) == 1
    [entry] = AuditEntry.objects.filter(action="rewards.changed")
    assert (entry.actor, entry.before, entry.after) == (cast.alice, {"number": 2}, {"number": 1})


def test_one_whose_files_are_gone_or_of_another_project_can_not_be_rolled_back_to(cast, past):
    past.reward_model(removed="2026-01-01T00:00Z")

    with pytest.raises(Conflict, match="the files of reward model 1 were removed"):
        reward_models.make_current(project_id=cast.project.pk, number=1)
    with pytest.raises(NotFound, match="no reward model 1"):
        reward_models.make_current(project_id=cast.other_project.pk, number=1)


def test_the_database_knows_one_current_one_that_has_its_files(past):
    first = past.reward_model(is_current=True)

    with transaction.atomic(), pytest.raises(IntegrityError, match="reward_model_one_is_current"):
        past.reward_model(is_current=True)
    with pytest.raises(IntegrityError, match="reward_model_current_has_its_files"):
        RewardModel.objects.filter(pk=first.pk).update(removed="2026-01-01T00:00Z")
