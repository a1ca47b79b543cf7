"""What policies learn from in a run: rewards and preferences less what the heads of their models differ by."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alignment.clocks.pessimism import preferences_of, rewards_of
from alignment.execution import Execution
from alignment.models import Stage
from alignment.stages import execute

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def executed(start, attempt_at):
    """A run of Nash-MD as far as its preference model, and completions to be compared."""

    def executed(**settings):
        run = start("nash_md", more={"preference_model": {"members": 3}, **settings}, start=False)
        attempt_at(run)
        run.refresh_from_db()
        execution = Execution(run)
        execute(execution)
        encoded = execution.backbone.template.encode(
            execution.snapshot.train[0].prompt, ["Red.", "Blue.", "Green it is."]
        )
        return execution, encoded[:2], encoded[1:]

    return executed


def test_a_run_of_nash_md_takes_preferences_for_less_where_its_heads_differ(executed):
    execution, first, second = executed(rewards={"pessimism": 0.5})

    found = preferences_of(execution)(first, second)

    each = execution.preference_model.member_preferences(first, second)
    assert each.shape == (2, 3)
    mean, deviation = each.mean(1), ((each - each.mean(1, keepdim=True)) ** 2).mean(1).sqrt()
    torch.testing.assert_close(found, mean - 0.5 * deviation)
    assert bool((deviation > 0).all())
    assert execution.run.results[Stage.POLICY]["version"] == 2


def test_a_run_takes_a_completion_for_less_where_heads_differ_about_its_lead(start, attempt_at):
    more = {"reward_model": {"members": 4, "features": "frozen"}, "rewards": {"pessimism": 0.5}}
    run = start("rm", more=more, start=False)
    attempt_at(run)
    run.refresh_from_db()
    execution = Execution(run)
    execute(execution)
    template, prompt = execution.backbone.template, execution.snapshot.train[0].prompt
    alone = template.encode(execution.snapshot.train[-1].prompt, ["Red."])
    encoded = [*template.encode(prompt, ["Red.", "Blue."]), *alone]

    found = rewards_of(execution)(encoded)

    each = execution.reward_model.member_rewards(encoded).double().numpy()
    lead = (each[0] - each[1]) / 2
    expected = each.mean(1) - 0.5 * np.array([lead.std(), lead.std(), each[2].std()])
    assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert lead.std() > 0
