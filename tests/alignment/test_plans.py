"""The settings of a run as one value."""

from __future__ import annotations

import json

import pytest

from alignment.core.fields import InvalidSetting
from alignment.plans import LARGE, SMALL, Plan, for_judgements, parse_assignments


@pytest.mark.parametrize("plan", [SMALL, LARGE, Plan()])
def test_a_plan_survives_json(plan):
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


def test_a_change_touches_what_it_names_and_nothing_else():
    changed = SMALL.changed({"trainer": {"lr": 0.5}})

    assert changed.trainer.lr == 0.5
    assert changed.trainer.epochs == SMALL.trainer.epochs
    assert changed.reward_trainer == SMALL.reward_trainer


def test_one_seed_goes_to_all_training():
    seeded = SMALL.seeded(9)

    assert (seeded.trainer.seed, seeded.reward_trainer.seed) == (9, 9)


@pytest.mark.parametrize(("number", "epochs"), [(10, 8), (150, 8), (600, 2), (1200, 1), (5000, 1)])
def test_more_judgements_are_gone_through_less_often(number, epochs):
    plan = for_judgements(SMALL, number)

    assert plan.trainer.epochs == pytest.approx(epochs, abs=0.1)
    assert plan.reward_trainer.epochs == pytest.approx(epochs, abs=0.1)


def test_settings_on_the_command_line_are_json_or_text():
    lines = ["trainer.lr=1e-4", "direct.loss=ipo", "trainer.steps=none", "ppo.whiten_rewards=yes", "lora.targets = a,b"]

    assert parse_assignments(lines) == {
        "trainer": {"lr": 0.0001, "steps": None},
        "direct": {"loss": "ipo"},
        "ppo": {"whiten_rewards": True},
        "lora": {"targets": "a,b"},
    }


@pytest.mark.parametrize("line", ["lr=1", "trainer.lr", ".lr=1", "trainer.=1", ""])
def test_a_line_of_another_form_is_refused_with_an_example(line):
    with pytest.raises(InvalidSetting, match=r"write section\.name=value, as in trainer\.lr=1e-4"):
        parse_assignments([line])


def test_a_section_that_is_no_settings_is_refused():
    with pytest.raises(InvalidSetting, match="section 'trainer' is 3; it must be settings by name"):
        SMALL.changed({"trainer": 3})  # type: ignore[dict-item]  # as it may come from JSON
