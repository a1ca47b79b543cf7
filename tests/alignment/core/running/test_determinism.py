from __future__ import annotations

import pytest
import torch

from alignment.core.running.determinism import reproducible


@pytest.fixture
def two_threads():
    """Where there are two cores: on one thread every order is the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def gradient_of_gathered_rows() -> torch.Tensor:
    """Many rows gathered from few places, as completion tokens are gathered from shared prompts."""
    chance = torch.Generator().manual_seed(0)
    rows = torch.randn(2000, 192, generator=chance).requires_grad_(True)
    places = torch.randint(0, 300, (40, 60), generator=chance)
    weights = torch.randn(40, 60, 192, generator=chance)
    (rows[places] * weights).sum().backward()
    assert rows.grad is not None
    return rows.grad


def test_gathering_has_the_same_gradient_every_time(two_threads):
    with reproducible():
        first, *others = [gradient_of_gathered_rows() for _ in range(10)]

    assert all(torch.equal(first, other) for other in others)


def test_what_was_set_before_is_set_again():
    with reproducible():
        assert torch.are_deterministic_algorithms_enabled() is not torch.cuda.is_available()

    assert not torch.are_deterministic_algorithms_enabled()


def test_it_is_undone_after_an_error_too():
    with pytest.raises(RuntimeError, match="inside"), reproducible():
        raise RuntimeError("inside")

    assert not torch.are_deterministic_algorithms_enabled()
