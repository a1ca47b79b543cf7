"""The likelihoods that a policy's own scores are put into."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from alignment.core.likelihoods import (
    apo_zero,
    bradley_terry,
    hinge,
    ipo,
    kto,
    sppo_hard,
)


def vector(*values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype)


def gradient(loss_of, *values, dtype=torch.float64):
    difference = vector(*values, dtype=dtype).requires_grad_()
    loss_of(difference).sum().backward()
    return difference.grad


def test_hinge_is_zero_beyond_the_margin():
    loss = hinge(vector(-1.0, 0.25, 1.0, 3.0))

    torch.testing.assert_close(loss, vector(2.0, 0.75, 0.0, 0.0))


def test_ipo_is_least_at_one_over_two_beta():
    loss = ipo(vector(0.0, 5.0, 6.0), beta=0.1)

    torch.testing.assert_close(loss, vector(25.0, 0.0, 1.0))


def test_ipo_keeps_a_finite_margin_where_one_side_always_wins():
    difference = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([difference])

    def closure():
        optimizer.zero_grad()
        loss = ipo(difference, beta=0.25).sum()
        loss.backward()
        return loss

    optimizer.step(closure)

    torch.testing.assert_close(difference.detach(), vector(2.0))  # 1 / (2 * 0.25)


def test_apo_zero_lifts_the_chosen_and_lowers_the_rejected():
    chosen, rejected = vector(0.0, 2.0, -1.0), vector(0.0, -1.0, 2.0)

    loss = apo_zero(chosen, rejected)

    # sigma(-2) + sigma(-1) and sigma(1) + sigma(2)
    torch.testing.assert_close(loss, vector(1.0, 0.3881443440919873, 1.6118556559080127))
    # -sigma'(-2) for the chosen, at a rejected one that stays
    torch.testing.assert_close(gradient(lambda c: apo_zero(c, vector(0.0)), 2.0), vector(-0.1049935854035065))
    torch.testing.assert_close(gradient(lambda r: apo_zero(vector(0.0), r), 2.0), vector(0.1049935854035065))


def test_sppo_gives_each_side_its_own_target():
    loss = sppo_hard(vector(0.0, 5.0, 6.0), vector(0.0, -5.0, -3.0), beta=0.1)

    torch.testing.assert_close(loss, vector(50.0, 0.0, 5.0))  # 1 / (2 * 0.1) = 5


def test_kto_values_by_hand():
    log_ratio, desirable = vector(10.0, 10.0), torch.tensor([True, False])

    loss = kto(log_ratio, desirable, 3.0, beta=0.1, desirable_weight=2.0, undesirable_weight=0.5)

    # sigma(0.7) = 0.6681877721681662
    torch.testing.assert_close(loss, vector(2 * 0.3318122278318338, 0.5 * 0.6681877721681662))


def test_kto_reference_is_clipped_at_zero_and_has_no_gradient():
    log_ratio = vector(0.0).requires_grad_()
    reference = vector(-7.0).requires_grad_()

    loss = kto(log_ratio, torch.tensor([True]), reference, beta=1.0)
    loss.sum().backward()

    torch.testing.assert_close(loss.detach(), vector(0.5))
    torch.testing.assert_close(log_ratio.grad, vector(-0.25))
    assert reference.grad is None


def test_direct_losses_refuse_wrong_input_by_name():
    with pytest.raises(ValueError, match=r"margin is 0"):
        hinge(torch.zeros(1), margin=0.0)
    with pytest.raises(ValueError, match=r"beta is -1"):
        ipo(torch.zeros(1), beta=-1.0)
    with pytest.raises(ValueError, match=r"beta is 0"):
        sppo_hard(torch.zeros(1), torch.zeros(1), beta=0.0)
    with pytest.raises(ValueError, match=r"rejected is float32 \(2,\), chosen is float32 \(1,\)"):
        apo_zero(torch.zeros(1), torch.zeros(2))
    with pytest.raises(ValueError, match=r"beta is 0"):
        kto(torch.zeros(1), torch.tensor([True]), 0.0, beta=0.0)
    with pytest.raises(ValueError, match=r"desirable is float32 \(1,\)"):
        kto(torch.zeros(1), torch.zeros(1), 0.0, beta=0.1)
    with pytest.raises(ValueError, match=r"undesirable_weight is -2"):
        kto(torch.zeros(1), torch.tensor([True]), 0.0, beta=0.1, undesirable_weight=-2.0)


# Direct preference optimisation on a small enumerable choice


def test_dpo_gradient_is_the_identity_of_rafailov():
    torch.manual_seed(0)
    logits, reference, beta = torch.randn(6, dtype=torch.float64, requires_grad=True), torch.randn(6).double(), 0.3
    chosen, rejected = 2, 5
    log_ratio = logits.log_softmax(0) - reference.log_softmax(0)

    bradley_terry(beta * (log_ratio[chosen] - log_ratio[rejected])[None]).sum().backward()

    implicit = beta * log_ratio.detach()
    weight = 1 / (1 + torch.exp(implicit[chosen] - implicit[rejected]))  # sigma(r_l - r_w)
    # grad log pi(y) = onehot(y) - pi, so the difference is onehot(w) - onehot(l)
    expected = torch.zeros(6, dtype=torch.float64)
    expected[chosen], expected[rejected] = -beta * weight, beta * weight
    torch.testing.assert_close(logits.grad, expected)


def test_dpo_population_optimum_is_the_tilted_reference():
    reward = vector(0.5, -1.0, 2.0, 0.0, 1.0)
    reference, beta = vector(0.1, 0.3, 0.05, 0.35, 0.2), 0.5
    logits = reference.log().clone().requires_grad_()
    i, j = torch.triu_indices(5, 5, offset=1)
    p_win = 1 / (1 + torch.exp(reward[j] - reward[i]))
    optimizer = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        implicit = beta * (logits.log_softmax(0) - reference.log())
        d = implicit[i] - implicit[j]
        loss = (p_win * bradley_terry(d) + (1 - p_win) * bradley_terry(-d)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)

    tilted = reference * torch.exp(reward / beta)
    torch.testing.assert_close(F.softmax(logits.detach(), 0), tilted / tilted.sum(), atol=1e-5, rtol=0.0)
