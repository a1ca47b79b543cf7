from __future__ import annotations

import math

import pytest
import torch

from alignment.core.likelihoods import (
    apo_zero,
    bradley_terry,
    davidson,
    hinge,
    ipo,
    kto,
    ordered_logit,
    rao_kupper,
    sppo_hard,
)

LN2 = 0.6931471805599453
EXTREME = [-1e4, -30.0, 0.0, 30.0, 1e4]


def vector(*values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype)


def gradient(loss_of, *values, dtype=torch.float64):
    difference = vector(*values, dtype=dtype).requires_grad_()
    loss_of(difference).sum().backward()
    return difference.grad


# Bradley-Terry


def test_equal_rewards_cost_ln_two():
    loss = bradley_terry(vector(0.0))

    torch.testing.assert_close(loss, vector(LN2))


def test_bradley_terry_is_minus_log_sigma_with_gradient_minus_sigma():
    loss = bradley_terry(vector(2.0, -1.0))

    torch.testing.assert_close(loss, vector(0.1269280110429725, 1.3132616875182228))
    # -1 / (1 + e^2), -1 / (1 + e^-1)
    torch.testing.assert_close(gradient(bradley_terry, 2.0, -1.0), vector(-0.11920292202211755, -0.7310585786300049))


def test_margin_asks_for_a_larger_difference():
    loss = bradley_terry(vector(2.0, 2.0), margin=vector(0.0, 3.0))

    torch.testing.assert_close(loss, vector(0.1269280110429725, 1.3132616875182228))


def test_smoothed_loss_is_least_where_the_win_probability_is_one_minus_the_smoothing():
    slope = gradient(lambda d: bradley_terry(d, smoothing=0.2), math.log(4.0))  # sigma(ln 4) = 0.8

    torch.testing.assert_close(slope, vector(0.0), atol=1e-12, rtol=0.0)


def test_smoothing_of_one_half_is_a_tie():
    loss = bradley_terry(vector(1.0), smoothing=0.5)

    torch.testing.assert_close(loss, vector(0.8132616875182228))  # (ln(1 + e^-1) + ln(1 + e)) / 2


@pytest.mark.parametrize("margin", [0.0, 0.7])
def test_robust_loss_over_flipped_labels_is_the_loss_on_true_labels(margin):
    flip, difference = 0.3, torch.linspace(-4, 4, 9, dtype=torch.float64)

    expected = (1 - flip) * bradley_terry(difference, margin=margin, smoothing=flip, robust=True)
    expected = expected + flip * bradley_terry(-difference, margin=margin, smoothing=flip, robust=True)

    torch.testing.assert_close(expected, torch.log1p(torch.exp(margin - difference)))


def test_each_example_can_have_its_own_flip_rate():
    loss = bradley_terry(vector(2.0, 2.0), smoothing=vector(0.0, 0.1), robust=True)

    # (0.9 * 0.12692801 - 0.1 * 2.12692801) / 0.8
    torch.testing.assert_close(loss, vector(0.1269280110429725, -0.1230719889570275))


def test_bradley_terry_refuses_wrong_input_by_name():
    with pytest.raises(ValueError, match=r"difference is float32 \(2, 1\)"):
        bradley_terry(torch.zeros(2, 1))
    with pytest.raises(ValueError, match=r"difference is int64 \(2,\)"):
        bradley_terry(torch.zeros(2, dtype=torch.long))
    with pytest.raises(ValueError, match=r"smoothing is 0\.6"):
        bradley_terry(torch.zeros(2), smoothing=0.6)
    with pytest.raises(ValueError, match=r"smoothing is -0\.1"):
        bradley_terry(torch.zeros(2), smoothing=-0.1)
    with pytest.raises(ValueError, match=r"smoothing is 0\.5 with robust=True"):
        bradley_terry(torch.zeros(2), smoothing=0.5, robust=True)
    with pytest.raises(ValueError, match=r"margin is -1"):
        bradley_terry(torch.zeros(2), margin=-1.0)
    with pytest.raises(ValueError, match=r"margin is nan"):
        bradley_terry(torch.zeros(2), margin=math.nan)
    with pytest.raises(ValueError, match=r"margin is \(3,\), must be a number or \(2,\)"):
        bradley_terry(torch.zeros(2), margin=torch.zeros(3))


# Ties


def every_outcome(difference):
    return vector(*[difference] * 3), torch.tensor([1, 0, -1])


@pytest.mark.parametrize("difference", [-3.0, 0.0, 0.4])
def test_tie_models_give_probabilities_that_sum_to_one(difference):
    d, outcome = every_outcome(difference)

    for loss in (davidson(d, outcome, nu=0.6), rao_kupper(d, outcome, alpha=0.6)):
        torch.testing.assert_close((-loss).exp().sum(), torch.tensor(1.0, dtype=torch.float64))


def test_ties_are_half_of_equal_pairs_at_nu_one_and_theta_three():
    d, outcome = every_outcome(0.0)

    for loss in (davidson(d, outcome, nu=1.0), rao_kupper(d, outcome, alpha=math.log(3.0))):
        torch.testing.assert_close((-loss).exp(), vector(0.25, 0.5, 0.25))


def test_davidson_weighs_a_tie_by_the_geometric_mean():
    d, outcome = every_outcome(2 * math.log(2.0))  # worths 4 and 1, so the tie has 2 nu sqrt(4 * 1) = 6

    loss = davidson(d, outcome, nu=1.5)

    torch.testing.assert_close((-loss).exp(), vector(4 / 11, 6 / 11, 1 / 11))


def test_rao_kupper_needs_the_threshold_to_win():
    d, outcome = every_outcome(math.log(2.0))

    loss = rao_kupper(d, outcome, alpha=math.log(2.0))

    # sigma(0) = 1/2, sigma(-2 ln 2) = 1/5, and the rest
    torch.testing.assert_close((-loss).exp(), vector(0.5, 0.3, 0.2))


def test_tie_models_without_ties_are_bradley_terry():
    d, outcome = vector(1.3, -0.4), torch.tensor([1, -1])
    expected = vector(math.log1p(math.exp(-1.3)), math.log1p(math.exp(-0.4)))

    torch.testing.assert_close(davidson(d, outcome, nu=0.0), expected)
    torch.testing.assert_close(davidson(d, outcome, nu=1e-9), expected)
    torch.testing.assert_close(rao_kupper(d, outcome, alpha=0.0), expected)


def test_a_tie_pulls_the_scores_together():
    tie = torch.tensor([0, 0, 0])

    for slope in (
        gradient(lambda d: davidson(d, tie, nu=1.0), -2.0, 0.0, 2.0),
        gradient(lambda d: rao_kupper(d, tie, alpha=1.0), -2.0, 0.0, 2.0),
    ):
        assert slope.sign().tolist() == [-1.0, 0.0, 1.0]


def test_ordered_logit_with_two_cuts_around_zero_is_rao_kupper():
    d = torch.linspace(-5, 5, 11, dtype=torch.float64).repeat(3)
    outcome = torch.tensor([1, 0, -1]).repeat_interleave(11)

    loss = ordered_logit(d, outcome + 2, vector(-0.8, 0.8))

    torch.testing.assert_close(loss, rao_kupper(d, outcome, alpha=0.8), atol=1e-12, rtol=1e-12)


def test_tie_models_refuse_wrong_input_by_name():
    d, tie = torch.zeros(2), torch.tensor([1, 0])

    with pytest.raises(ValueError, match=r"nu is 0, which makes ties impossible"):
        davidson(d, tie, nu=0.0)
    with pytest.raises(ValueError, match=r"alpha is 0, which makes ties impossible"):
        rao_kupper(d, tie, alpha=0.0)
    with pytest.raises(ValueError, match=r"alpha is -1"):
        rao_kupper(d, tie, alpha=-1.0)
    with pytest.raises(ValueError, match=r"outcome holds 2"):
        davidson(d, tie + 1, nu=1.0)
    with pytest.raises(ValueError, match=r"outcome is \(3,\), difference is \(2,\)"):
        rao_kupper(d, torch.zeros(3), alpha=1.0)


# Ratings


def test_probabilities_of_all_seven_ratings_sum_to_one():
    ratings = torch.arange(1, 8)

    loss = ordered_logit(vector(*[0.4] * 7), ratings, vector(-3.0, -1.0, -0.5, 0.0, 1.5, 1.6))

    torch.testing.assert_close((-loss).exp().sum(), torch.tensor(1.0, dtype=torch.float64))


def test_ordered_logit_of_three_grades_by_hand():
    cuts = vector(math.log(1 / 3), math.log(3.0))  # sigma = 1/4 and 3/4 at score 0

    loss = ordered_logit(vector(0.0, 0.0, 0.0), torch.tensor([1, 2, 3]), cuts)

    torch.testing.assert_close((-loss).exp(), vector(0.25, 0.5, 0.25))


def test_ordered_logit_with_one_cut_at_zero_is_bradley_terry():
    loss = ordered_logit(vector(2.0, 2.0), torch.tensor([2, 1]), vector(0.0))

    torch.testing.assert_close(loss, vector(0.1269280110429725, 2.1269280110429727))


def test_moving_scores_and_cuts_together_changes_nothing():
    scores, ratings, cuts = vector(0.3, -2.0, 1.0), torch.tensor([1, 3, 4]), vector(-1.0, 0.0, 2.0)

    loss = ordered_logit(scores + 5, ratings, cuts + 5)

    torch.testing.assert_close(loss, ordered_logit(scores, ratings, cuts))


def test_each_rating_can_have_its_own_cuts():
    scores, ratings = vector(0.0, 0.0), torch.tensor([1, 1])

    loss = ordered_logit(scores, ratings, vector([0.0, 1.0], [math.log(3.0), 5.0]))

    torch.testing.assert_close((-loss).exp(), vector(0.5, 0.75))


def test_cuts_and_tie_parameters_learn():
    cuts, nu, alpha = vector(-1.0, 1.0), vector(1.0), vector(1.0)
    for parameter in (cuts, nu, alpha):
        parameter.requires_grad_()

    ordered_logit(vector(0.0), torch.tensor([2]), cuts).sum().backward()
    davidson(vector(0.0), torch.tensor([0]), nu=nu).sum().backward()
    rao_kupper(vector(0.0), torch.tensor([0]), alpha=alpha).sum().backward()

    # d/dc of -log(sigma(c) - sigma(-c)) at 1, by each side; P(tie) = nu / (1 + nu); P(tie) = tanh(alpha / 2)
    torch.testing.assert_close(cuts.grad, vector(0.42545906411966075, -0.42545906411966075))
    torch.testing.assert_close(nu.grad, vector(-0.5))
    torch.testing.assert_close(alpha.grad, vector(-0.8509181282393216))  # -1 / sinh(1)


def test_ordered_logit_refuses_wrong_input_by_name():
    scores, ratings = torch.zeros(2), torch.tensor([1, 3])

    with pytest.raises(ValueError, match=r"ratings holds 3, the cuts make grades 1 to 2"):
        ordered_logit(scores, ratings, torch.tensor([0.0]))
    with pytest.raises(ValueError, match=r"ratings holds 0"):
        ordered_logit(scores, ratings - 1, torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"cuts must increase, they are \[1\.0, 0\.0\]"):
        ordered_logit(scores, ratings, torch.tensor([1.0, 0.0]))
    with pytest.raises(ValueError, match=r"cuts is \(3, 2\)"):
        ordered_logit(scores, ratings, torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"ratings is float32"):
        ordered_logit(scores, ratings.float(), torch.tensor([0.0, 1.0]))


# Numbers


@pytest.mark.parametrize("outcome", [1, 0, -1])
def test_extreme_differences_have_finite_losses_and_gradients(outcome):
    outcomes = torch.full((5,), outcome)
    desirable = torch.full((5,), outcome == 1)
    losses = {
        "bradley_terry": lambda d: bradley_terry(d, margin=1.0, smoothing=0.1),
        "robust": lambda d: bradley_terry(d, smoothing=0.1, robust=True),
        "davidson": lambda d: davidson(d, outcomes, nu=1.0),
        "rao_kupper": lambda d: rao_kupper(d, outcomes, alpha=1.0),
        "rao_kupper narrow": lambda d: rao_kupper(d, outcomes, alpha=1e-6),
        "ordered_logit": lambda d: ordered_logit(d, outcomes + 2, torch.tensor([-1e4, 1e4])),
        "hinge": hinge,
        "ipo": lambda d: ipo(d, beta=0.1),
        "apo_zero": lambda d: apo_zero(d, -d),
        "sppo_hard": lambda d: sppo_hard(d, -d, beta=0.1),
        "kto": lambda d: kto(d, desirable, 1e4, beta=0.5),
    }

    for name, loss_of in losses.items():
        loss = loss_of(vector(*EXTREME, dtype=torch.float32))
        slope = gradient(loss_of, *EXTREME, dtype=torch.float32)

        assert torch.isfinite(loss).all(), name
        assert torch.isfinite(slope).all(), name


def test_a_lost_cause_still_has_the_full_gradient():
    slope = gradient(bradley_terry, -1e4, dtype=torch.float32)

    assert slope.tolist() == [-1.0]
