from __future__ import annotations

import pytest
import torch

from alignment.core.running.muon import Muon, orthogonalize


def test_orthogonalized_matrices_have_the_same_directions_and_singular_values_near_one():
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(3, 6, 10, generator=generator)

    result = orthogonalize(matrices)

    assert torch.linalg.svdvals(result).min() > 0.6
    assert torch.linalg.svdvals(result).max() < 1.3
    u, _, vh = torch.linalg.svd(matrices, full_matrices=False)
    # In the basis of the singular vectors nothing but the diagonal is left: directions are kept, sizes are not.
    turned = u.mT @ result @ vh.mT  # (3, 6, 6)
    off_diagonal = turned - torch.diag_embed(turned.diagonal(dim1=-2, dim2=-1))
    assert off_diagonal.abs().max() < 1e-4


def test_a_tall_matrix_gives_the_transpose_of_the_wide_one():
    wide = torch.randn(1, 3, 7, generator=torch.Generator().manual_seed(1))

    torch.testing.assert_close(orthogonalize(wide.mT), orthogonalize(wide).mT)


def test_a_zero_matrix_stays_zero():
    assert orthogonalize(torch.zeros(2, 4, 4)).abs().max() == 0


def test_a_step_goes_down_by_lr_whatever_the_size_of_the_gradient():
    parameters = [torch.nn.Parameter(torch.zeros(4, 4)) for _ in range(2)]
    parameters[0].grad = torch.eye(4)
    parameters[1].grad = 1000 * torch.eye(4)

    Muon(parameters, lr=0.1).step()

    # Singular values 1 of the direction up to the iteration's accuracy, so each weight moves by about lr.
    for parameter in parameters:
        assert (-parameter.detach().diagonal()).min() > 0.06
        assert (-parameter.detach().diagonal()).max() < 0.13


def test_weight_decay_shrinks_and_a_matrix_without_gradient_stays():
    moved, left = (torch.nn.Parameter(torch.ones(2, 2)) for _ in range(2))
    moved.grad = torch.zeros(2, 2)

    Muon([moved, left], lr=0.5, weight_decay=0.1).step()

    torch.testing.assert_close(moved.detach(), torch.full((2, 2), 0.95))  # 1 - 0.5 * 0.1
    torch.testing.assert_close(left.detach(), torch.ones(2, 2))


def test_it_finds_the_solution_of_least_squares():
    generator = torch.Generator().manual_seed(2)
    inputs, truth = torch.randn(64, 8, generator=generator), torch.randn(8, 8, generator=generator)
    weight = torch.nn.Parameter(torch.zeros(8, 8))
    optimizer = Muon([weight], lr=0.1)

    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 200)
        optimizer.zero_grad()
        ((inputs @ weight - inputs @ truth) ** 2).mean().backward()
        optimizer.step()

    assert (weight.detach() - truth).abs().max() < 0.02


def test_vectors_are_refused_by_shape():
    with pytest.raises(ValueError, match=r"\(5,\)"):
        Muon([torch.nn.Parameter(torch.zeros(5))], lr=0.1)
