"""One run in the foreground."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from alignment.models import Run

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

FEW = ["reward_trainer.steps=3", "reward_model.normalise_samples=4", "trainer.steps=2", "sampling.max_new_tokens=6"]
FEW += ["evaluation.prompts=3", "sampling.prompts=2"]


def train(*arguments: str) -> str:
    printed = StringIO()
    settings = [part for setting in FEW for part in ("--set", setting)]
    call_command("train", *arguments, *settings, stdout=printed)
    return printed.getvalue()


def test_a_reward_model_ends_with_its_held_out_accuracy_and_interval(judged):
    judged.project.prompts.update(held_out=False)
    judged.project.prompts.filter(pk=judged.items[0].prompt_id).update(held_out=True)

    printed = train("--project", "colours", "--method", "rm", "--seed", "4")

    run = Run.objects.get()
    assert (run.state, run.trigger, run.seed) == ("finished", "command", 4)
    assert "judgements: 5 to train on, 1 held out (18 comparisons)" in printed
    assert re.search(
        r"held-out accuracy: 0\.\d{3}|1\.000 \(95% interval \d\.\d{3} to \d\.\d{3}, 3 comparisons", printed
    )


def test_a_policy_is_compared_and_its_items_are_counted(judged):
    printed = train("--project", "colours", "--method", "dpo")

    assert "policy version 2: wins" in printed
    assert re.search(r"items written for the queue: \d", printed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--project", "nowhere", "--method", "rm"], "there is no project 'nowhere': there are colours, other-colours"),
        (["--project", "colours", "--method", "rm", "--seed", "-1"], "--seed is -1: give 0 or more"),
        (["--project", "colours", "--method", "rm", "--set", "speed=1"], "write section.name=value"),
        (["--project", "colours", "--method", "rm", "--set", "trainer.speed=1"], "has no setting 'speed'"),
        (["--project", "other-colours", "--method", "rm"], "there are no judgements to learn from"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(judged, arguments, message):
    with pytest.raises(CommandError, match=re.escape(message)):
        train(*arguments)

    assert not Run.objects.exists()


def test_a_run_that_fails_ends_the_command_with_its_reason(judged, settings, tmp_path):
    settings.MODEL = str(tmp_path / "nothing")

    with pytest.raises(CommandError, match=r"failed: .*nothing"):
        train("--project", "colours", "--method", "rm")


def test_a_command_that_is_ended_while_it_waits_for_the_device_leaves_a_stopped_run(judged, monkeypatch):
    monkeypatch.setattr("alignment.worker.locks.wait", lambda name, given_up, **_: name.startswith("prefloop run"))

    with pytest.raises(CommandError, match="was stopped"):
        train("--project", "colours", "--method", "rm")

    assert Run.objects.get().state == "stopped"


def test_a_run_is_not_started_by_several_processes_at_once(judged, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")

    with pytest.raises(CommandError, match="a launcher started 2 processes and a run of a project has one"):
        train("--project", "colours", "--method", "rm")

    assert not Run.objects.exists()
