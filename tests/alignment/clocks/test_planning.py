"""What a run of the loop is set to."""

from __future__ import annotations

import pytest

from alignment.clocks.planning import checked_plan, default_plan
from alignment.services import change_loop, ensure_loop

pytestmark = pytest.mark.django_db


def test_the_settings_of_the_loop_reach_the_runs(cast):
    loop = change_loop(
        project_id=cast.project.pk,
        features="trained",
        members=5,
        pessimism=1.5,
        kl_budget=7.0,
        start="parent",
        beta=0.3,
        prompts_per_round=11,
        temperature=0.7,
        max_new_tokens=33,
    )

    plan = default_plan(loop, completions=3)

    assert (plan.reward_model.features, plan.reward_model.members, plan.preference_model.members) == ("trained", 5, 5)
    assert (plan.rewards.pessimism, plan.start.kl_budget, plan.start.weights) == (1.5, 7.0, "parent")
    assert (plan.direct.beta, plan.ppo.beta) == (0.3, 0.3)
    assert (plan.sampling.prompts, plan.sampling.completions, plan.sampling.temperature) == (11, 3, 0.7)
    assert {plan.sampling.max_new_tokens, plan.ppo.max_new_tokens, plan.reinforce.max_new_tokens} == {33}


def test_the_heads_of_a_new_project_read_the_base_model(cast):
    plan = default_plan(ensure_loop(project_id=cast.project.pk), completions=4)

    assert (plan.reward_model.features, plan.reward_model.members) == ("frozen", 32)


@pytest.mark.parametrize(
    ("changes", "features"),
    [
        ({}, "frozen"),
        ({"trainer": {"lr": 1e-3}}, "frozen"),
        ({"reward_trainer": {"steps": 3}}, "trained"),
        ({"reward_trainer": {"steps": 3}, "reward_model": {"features": "frozen"}}, "frozen"),
    ],
)
def test_who_says_how_the_reward_model_is_trained_gets_one_that_is_trained(cast, changes, features):
    plan = checked_plan(ensure_loop(project_id=cast.project.pk), method="rm", changes=changes)

    assert plan.reward_model.features == features
