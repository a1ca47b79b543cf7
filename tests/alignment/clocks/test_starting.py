"""Starting what is due, and by hand."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.db.models import F
from factories import a_verdict, judge

from alignment import services
from alignment.clocks.starting import refresh_now, start_if_due, train_now
from alignment.models import LoopSettings, Run
from labeling.errors import Conflict, Invalid
from labeling.models import AuditEntry, Label
from labeling.services.revisions import revise_label

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def few(cast, past):
    services.change_loop(project_id=cast.project.pk, judgements_per_refresh=2)


def due(cast):
    return [run.method for run in start_if_due(project_id=cast.project.pk)]


def judged(cast, number):
    for _ in range(number):
        judge(cast.project, cast.bob)
    return Label.objects.order_by("-id").first().pk


def test_a_policy_run_follows_the_refresh_on_the_judgements_that_the_reward_model_has_seen(cast, past):
    seen = judged(cast, 2)
    past.reward_model(seen=seen, is_current=True)
    judged(cast, 1)

    [run] = start_if_due(project_id=cast.project.pk)

    assert (run.method, run.snapshot_last) == ("dpo", seen)
    assert run.reason == "the reward model was refreshed since the last policy run"


def test_a_policy_run_stands_on_what_was_learned_though_a_person_stopped_a_later_refresh(cast, past):
    seen = judged(cast, 2)
    past.reward_model(seen=seen, is_current=True)
    past.run(state="stopped", seen=judged(cast, 2))

    [run] = start_if_due(project_id=cast.project.pk)

    assert (run.method, run.snapshot_last) == ("dpo", seen)


def test_both_clocks_start_in_one_look_and_neither_twice(cast, past):
    past.reward_model()
    judged(cast, 2)

    assert due(cast) == ["rm", "dpo"]
    assert due(cast) == []


def test_each_clock_can_be_paused_by_itself(cast, past):
    past.reward_model()
    judged(cast, 2)

    services.change_loop(project_id=cast.project.pk, refresh_enabled=False)
    assert due(cast) == ["dpo"]
    services.change_loop(project_id=cast.project.pk, refresh_enabled=True, policy_enabled=False)
    assert due(cast) == ["rm"]


def test_a_failed_refresh_is_tried_again_after_a_minute_though_nobody_judged(cast, past):
    past.run(state="failed", seen=judged(cast, 2), ago=timedelta(seconds=50))

    early = due(cast)
    Run.objects.update(finished=F("finished") - timedelta(seconds=11))
    late = due(cast)

    assert (early, late) == ([], ["rm"])


def test_a_person_does_not_wait_for_judgements_or_for_the_pause_after_failures(cast, past):
    judged(cast, 1)
    past.run(state="failed")
    past.run("dpo", state="failed")

    refresh = refresh_now(project_id=cast.project.pk, creator_id=cast.alice.pk)
    train = train_now(project_id=cast.project.pk, creator_id=cast.alice.pk)

    assert (refresh.method, refresh.trigger, train.method, train.trigger) == ("rm", "person", "dpo", "person")
    entries = AuditEntry.objects.filter(action="run.started").order_by("id")
    assert [(entry.actor, (entry.after or {})["run"]) for entry in entries] == [
        (cast.alice, refresh.pk),
        (cast.alice, train.pk),
    ]


def test_a_second_one_by_hand_is_refused_while_one_is_under_way(cast):
    judged(cast, 1)
    run = refresh_now(project_id=cast.project.pk, creator_id=cast.alice.pk)

    with pytest.raises(Conflict, match=f"run {run.pk} is under way"):
        refresh_now(project_id=cast.project.pk, creator_id=cast.alice.pk)


def test_without_judgements_nothing_starts_by_hand_either(cast):
    with pytest.raises(Invalid, match="there are no judgements to learn from"):
        refresh_now(project_id=cast.project.pk, creator_id=cast.alice.pk)


def test_all_judgements_revised_at_once_are_new_ones_and_bring_one_refresh(cast, past):
    past.reward_model(seen=judged(cast, 3), is_current=True)
    past.run("dpo")
    for label in list(Label.objects.select_related("assignment", "annotator")):
        verdict = a_verdict(label.assignment, ranks=(2, 1, 3))
        assert label.assignment_id is not None
        assert label.annotator is not None
        revise_label(assignment_id=label.assignment_id, annotator=label.annotator, verdict=verdict, client_id=uuid4())

    assert due(cast) == ["rm"]


@pytest.mark.parametrize(
    ("changes", "constraint", "message"),
    [
        (
            {"minutes_between_runs": 30, "minutes_at_most": 10},
            "loop_waits_no_longer_than_it_must",
            "minutes_at_most: a judgement waits 10 minutes at most, and runs are 30 minutes apart at least",
        ),
        ({"members": 1}, "loop_pessimism_needs_members", "pessimism: pessimism is 1 and the reward model has one head"),
        ({"method": "sft", "start": "sft"}, "loop_sft_once", "start: supervised fine-tuning that starts from"),
    ],
)
def test_triggers_that_contradict_each_other_are_refused_by_name_and_by_the_database(
    cast, changes, constraint, message
):
    with pytest.raises(Invalid, match=message):
        services.change_loop(project_id=cast.project.pk, **changes)
    with pytest.raises(IntegrityError, match=constraint):
        LoopSettings.objects.filter(pk=cast.project.pk).update(**changes)
