"""What a run's page says of settings and stages: what was really done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alignment.models import Run, Stage
from alignment.plans import PRESETS, Plan
from alignment.presenting import shown_settings, shown_stages

USUAL = next(iter(PRESETS.values()))


def a_run(method="rm", *, features="frozen", results=None):
    plan = replace(USUAL, reward_model=replace(USUAL.reward_model, features=features, members=8, prior_deviation=1.5))
    found = {"reward_model": {"number": 3, "steps": 41, "loss": 0.5}} if results is None else results
    return Run(method=method, config=plan.to_dict(), results=found, snapshot_counts={"train": 1234}, state="finished")


def sections(run):
    return {name: [row[0] for row in rows] for name, rows in shown_settings(run, defaults=Plan())}


def facts(run):
    return next(each.facts for each in shown_stages(run) if each.stage == Stage.REWARD_MODEL)


def test_fitted_heads_show_what_was_fitted_and_no_setting_of_training():
    run = a_run()

    shown = sections(run)

    assert facts(run)[:1] == [("reward model", "3")]
    assert facts(run)[2:] == [("heads, fitted at once", "8"), ("prior deviation", "1.5 nats"), ("judgements", "1,234")]
    assert facts(run)[1][0] == "held-out accuracy"
    assert not {"reward_trainer", "lora"} & shown.keys()
    assert {"features", "members", "prior_deviation"} <= set(shown["reward_model"])
    assert "head_lr_factor" not in shown["reward_model"]


def test_a_trained_reward_model_shows_its_steps_and_how_it_was_trained():
    run = a_run(features="trained")

    shown = sections(run)

    assert facts(run)[2:] == [("steps", "41")]
    assert {"reward_trainer", "lora"} <= shown.keys()
    assert "prior_deviation" not in shown["reward_model"]
    assert "head_lr_factor" in shown["reward_model"]


@pytest.mark.parametrize("features", ["frozen", "trained"])
def test_a_run_that_used_a_model_which_was_there_trained_none(features):
    run = a_run("reinforce", features=features, results={"reward_model": {"number": 3, "reused": True}})

    shown = sections(run)

    assert facts(run)[2:] == [("steps", "none: it was there")]
    assert not {"reward_trainer", "reward_model"} & shown.keys()
    assert "lora" in shown  # of the policy
