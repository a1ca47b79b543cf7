from __future__ import annotations

import math

import pytest
import torch

from alignment.core.scores import average, implicit, log_odds

LOGPROBS = [[-1.0, -2.0, -3.0], [-0.5, -0.25, math.nan]]
REFERENCE = [[-1.5, -2.0, -1.0], [-1.0, -1.0, -9.0]]
MASK = [[True, True, True], [True, True, False]]


@pytest.fixture
def logprobs():
    return torch.tensor(LOGPROBS, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def reference():
    return torch.tensor(REFERENCE, dtype=torch.float64)


@pytest.fixture
def mask():
    return torch.tensor(MASK)


def test_implicit_reward_is_beta_times_the_summed_log_ratio(logprobs, reference, mask):
    scores = implicit(logprobs, reference, mask, beta=0.1)

    # 0.5 + 0 - 2 and 0.5 + 0.75
    torch.testing.assert_close(scores, torch.tensor([-0.15, 0.125], dtype=torch.float64))


def test_implicit_reward_divides_by_length_only_when_told(logprobs, reference, mask):
    scores = implicit(logprobs, reference, mask, beta=1.0, average=True)

    torch.testing.assert_close(scores, torch.tensor([-0.5, 0.625], dtype=torch.float64))


def test_implicit_reward_is_zero_at_the_reference_policy(reference, mask):
    scores = implicit(reference, reference, mask, beta=0.3)

    assert scores.tolist() == [0.0, 0.0]


def test_average_is_beta_times_the_mean_token_logprob(logprobs, mask):
    scores = average(logprobs, mask, beta=2.0)

    torch.testing.assert_close(scores, torch.tensor([-4.0, -0.75], dtype=torch.float64))


def test_average_is_the_implicit_reward_without_reference_at_equal_lengths():
    logprobs = torch.tensor([[-1.0, -2.0], [-0.5, -0.1]], dtype=torch.float64)
    uniform, mask = torch.full((2, 2), -3.0, dtype=torch.float64), torch.ones(2, 2, dtype=torch.bool)

    simpo = average(logprobs, mask, beta=2.0).diff()

    dpo = implicit(logprobs, uniform, mask, beta=1.0).diff()
    torch.testing.assert_close(simpo, dpo)


def test_log_odds_of_a_half_is_zero_and_of_three_quarters_is_ln_three():
    logprobs = torch.tensor([[0.5, 0.5], [0.75, 0.75]], dtype=torch.float64).log()

    scores = log_odds(logprobs, torch.ones(2, 2, dtype=torch.bool))

    torch.testing.assert_close(scores, torch.tensor([0.0, math.log(3.0)], dtype=torch.float64))


def test_log_odds_stay_finite_from_certain_to_impossible():
    logprobs = torch.tensor([[0.0], [-1e-9], [-1e4]], requires_grad=True)

    scores = log_odds(logprobs, torch.ones(3, 1, dtype=torch.bool))
    scores.sum().backward()

    torch.testing.assert_close(scores.detach(), torch.tensor([16.118095, 16.118095, -1e4]))  # -ln(1e-7)
    torch.testing.assert_close(logprobs.grad, torch.tensor([[0.0], [0.0], [1.0]]))


@pytest.mark.parametrize("score", [implicit, average, log_odds])
def test_padding_gets_no_gradient_even_where_it_is_not_a_number(logprobs, reference, mask, score):
    arguments = {
        implicit: ((logprobs, reference, mask), {"beta": 0.1}),
        average: ((logprobs, mask), {"beta": 0.1}),
        log_odds: ((logprobs, mask), {}),
    }[score]

    score(*arguments[0], **arguments[1]).sum().backward()

    assert torch.isfinite(logprobs.grad).all()
    assert logprobs.grad[1, 2] == 0
    assert (logprobs.grad[mask] > 0).all()


def test_reference_gets_no_gradient(logprobs, reference, mask):
    reference.requires_grad_()

    implicit(logprobs, reference, mask, beta=0.1).sum().backward()

    assert reference.grad is None


def test_scores_refuse_wrong_input_by_name(logprobs, reference, mask):
    with pytest.raises(ValueError, match=r"completion 1 has no token"):
        average(logprobs, torch.tensor([[True] * 3, [False] * 3]), beta=1.0)
    with pytest.raises(ValueError, match=r"mask is int64 \(2, 3\)"):
        log_odds(logprobs, mask.long())
    with pytest.raises(ValueError, match=r"mask is bool \(2, 2\)"):
        log_odds(logprobs, mask[:, :2])
    with pytest.raises(ValueError, match=r"reference_logprobs is float64 \(2, 2\)"):
        implicit(logprobs, reference[:, :2], mask, beta=1.0)
    with pytest.raises(ValueError, match=r"logprobs is float64 \(3,\)"):
        log_odds(logprobs[0], mask[0])
    with pytest.raises(ValueError, match=r"beta is 0"):
        implicit(logprobs, reference, mask, beta=0.0)
