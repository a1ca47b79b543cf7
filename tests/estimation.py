"""Maximum likelihood by numbers: estimates, their standard errors, and whether they hold the truth."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize


def fit(loss_of, start):
    """Maximum likelihood estimate and its standard errors from the observed information."""

    def value_and_gradient(x):
        parameters = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        loss = loss_of(parameters).sum()
        loss.backward()
        assert parameters.grad is not None
        return loss.item(), parameters.grad.numpy()

    found = minimize(value_and_gradient, start, jac=True, method="BFGS", options={"gtol": 1e-6})
    point = torch.tensor(found.x, dtype=torch.float64)
    information = torch.autograd.functional.hessian(lambda p: loss_of(p).sum(), point)
    return found.x, torch.linalg.inv(information).diagonal().sqrt().numpy()


def assert_recovered(estimate, error, truth):
    """Within 3.5 standard errors, and the standard errors are small enough to mean something."""
    assert np.all(error < 0.1)
    np.testing.assert_array_less(np.abs(estimate - truth) / error, 3.5)
