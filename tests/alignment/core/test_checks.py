from __future__ import annotations

import math

import pytest
import torch

from alignment.core.checks import log1mexp, per_example, require_positive


def test_log1mexp_keeps_its_digits_at_both_ends():
    x = torch.tensor([1e-12, math.log(2), 40.0], dtype=torch.float64)

    values = log1mexp(x)

    # log(1e-12 - 0.5e-24), log(1/2), -e^-40
    expected = torch.tensor([-27.631021115929046, -0.6931471805599453, -4.248354255291589e-18], dtype=torch.float64)
    torch.testing.assert_close(values, expected, rtol=1e-12, atol=0.0)


def test_log1mexp_has_finite_gradients_from_tiny_to_huge():
    x = torch.tensor([1e-30, 1e4], requires_grad=True)

    log1mexp(x).sum().backward()

    torch.testing.assert_close(x.grad, torch.tensor([1e30, 0.0]))  # 1 / (e^x - 1)


def test_a_number_goes_with_every_example_in_their_type():
    like = torch.zeros(3, dtype=torch.float64)

    values = per_example("margin", 2, like, low=0.0)

    assert values.dtype == torch.float64
    assert values.tolist() == [2.0, 2.0, 2.0]


def test_values_out_of_range_are_named():
    with pytest.raises(ValueError, match=r"share is 2, must be within 0 and 1"):
        per_example("share", torch.tensor([0.5, 2.0]), torch.zeros(2), low=0.0, high=1.0)
    with pytest.raises(ValueError, match=r"beta is nan, must be above 0"):
        require_positive("beta", math.nan)
