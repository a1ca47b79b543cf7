from __future__ import annotations

import math

import pytest
import torch

from alignment.core.methods.ties import expected_outcome, outcome_loss, starting_logit
from alignment.core.records import Judgement, Message

DIFFERENCES = torch.tensor([-3.0, -0.7, 0.0, 0.4, 2.5], dtype=torch.float64)
HALF = torch.zeros((), dtype=torch.float64)
"""The logit of P(tie) = 1/2 for equals: nu = 1, theta = 3."""


def judged(*ranks):
    return Judgement(prompt=(Message("user", "say one"),), completions=("a", "b", "c"), ranks=ranks)


@pytest.mark.parametrize("kind", ["davidson", "rao_kupper", "drop"])
@pytest.mark.parametrize("logit", [-math.inf, -2.0, 0.0])
def test_the_expected_outcomes_of_both_orders_add_up_to_one(kind, logit):
    tie = torch.tensor(logit, dtype=torch.float64)

    one = expected_outcome(DIFFERENCES, kind=kind, logit=tie)
    other = expected_outcome(-DIFFERENCES, kind=kind, logit=tie)

    torch.testing.assert_close(one + other, torch.ones(5, dtype=torch.float64))
    assert one[2].item() == pytest.approx(0.5)
    assert bool((one.diff() > 0).all())


def test_the_expected_outcome_is_a_win_and_half_a_tie():
    """Davidson with nu = 1 at d = 2 ln 2: weights 2, 2, 1/2; Rao-Kupper with theta = 3 at d = 0: 1/4, 1/2, 1/4."""
    difference = torch.tensor([2 * math.log(2)], dtype=torch.float64)

    davidson = expected_outcome(difference, kind="davidson", logit=HALF)
    rao_kupper = expected_outcome(difference, kind="rao_kupper", logit=HALF)

    assert davidson.item() == pytest.approx((2 + 2 / 2) / 4.5)
    win, loss = 4 / (4 + 3), 1 / (1 + 4 * 3)  # sigma(ln 4 - ln 3), sigma(-ln 4 - ln 3)
    assert rao_kupper.item() == pytest.approx(win + 8 * win * loss / 2)


@pytest.mark.parametrize("kind", ["davidson", "rao_kupper"])
def test_without_ties_everything_is_bradley_terry(kind):
    never = torch.tensor(-math.inf, dtype=torch.float64)
    expected = [1 / (1 + math.exp(-d)) for d in DIFFERENCES.tolist()]

    found = expected_outcome(DIFFERENCES, kind=kind, logit=never)
    lost = outcome_loss(DIFFERENCES, -torch.ones(5, dtype=torch.float64), kind=kind, logit=never)

    assert found.tolist() == pytest.approx(expected)
    assert lost.tolist() == pytest.approx([-math.log(1 - p) for p in expected])


def test_the_tie_share_is_that_of_the_data_unless_it_is_given():
    judgements = [judged(1, 1, 2), judged(1, 2, 3)]  # one tie in six comparisons

    assert torch.sigmoid(starting_logit(judgements, share=None, learned=False)).item() == pytest.approx(1 / 6)
    assert torch.sigmoid(starting_logit(judgements, share=0.4, learned=False)).item() == pytest.approx(0.4)


def test_a_learned_tie_share_starts_above_zero_and_a_fixed_one_may_be_zero():
    decided = [judged(1, 2, 3)]

    assert starting_logit(decided, share=None, learned=False).item() == -math.inf
    assert torch.sigmoid(starting_logit(decided, share=None, learned=True)).item() == pytest.approx(0.01)
