"""What Nash-MD learns from in a run: preferences less what the heads of its preference model differ by."""

from __future__ import annotations

import pytest
import torch

from alignment.clocks.pessimism import preferences_of
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
