from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from alignment.core.sampling.draws import Draws, SamplingSettings, draw, next_token_logprobs

PROBABILITIES = torch.tensor([[0.1, 0.4, 0.2, 0.3]])


def _drawn(**settings: Any) -> list[float]:
    chosen = next_token_logprobs(PROBABILITIES.log(), SamplingSettings(**settings))
    return [round(value, 4) for value in chosen.exp()[0].tolist()]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0.5}, [0.0333, 0.5333, 0.1333, 0.3]),  # p^2 / 0.30
        ({"top_k": 2}, [0.0, 0.5714, 0.0, 0.4286]),
        ({"top_k": 9}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 0.7}, [0.0, 0.5714, 0.0, 0.4286]),  # 0.4 + 0.3 reach 0.7
        ({"top_p": 0.71}, [0.0, 0.4444, 0.2222, 0.3333]),
        ({"top_p": 1e-9}, [0.0, 1.0, 0.0, 0.0]),
        ({"top_k": 3, "top_p": 0.75}, [0.0, 0.5714, 0.0, 0.4286]),  # 4/9 + 3/9 = 0.778
    ],
)
def test_settings_leave_out_tokens_and_share_their_probability(settings, expected):
    assert _drawn(**settings) == expected


def test_no_token_is_left_out_by_default():
    """transformers' generate() keeps 50 by default; rollouts from fewer tokens bias the KL."""
    chosen = next_token_logprobs(torch.linspace(-20, 0, 1000)[None], SamplingSettings())

    assert bool(torch.isfinite(chosen).all())
    torch.testing.assert_close(chosen[0], torch.linspace(-20, 0, 1000).log_softmax(0))


def test_equal_logits_keep_exactly_k_tokens():
    chosen = next_token_logprobs(torch.zeros(1, 6), SamplingSettings(top_k=2))

    assert (chosen > -math.inf).sum() == 2


def test_a_draw_inverts_the_cumulative_distribution():
    logprobs = PROBABILITIES.log().expand(6, 4)

    tokens = draw(logprobs, torch.tensor([0.0, 0.0999, 0.11, 0.49, 0.51, 0.9999999]))

    assert tokens.tolist() == [0, 0, 1, 1, 2, 3]


def test_a_draw_never_takes_a_token_that_was_left_out():
    logprobs = torch.tensor([[-math.inf, 0.0, -math.inf]]).expand(3, 3)

    tokens = draw(logprobs, torch.tensor([0.0, 0.5, 1 - 2**-53], dtype=torch.float64))

    assert tokens.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_completions": 0}, "num_completions is 0"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        SamplingSettings(**settings)


def test_a_stream_of_draws_is_known_by_its_numbers_and_uniform():
    draws = Draws.of(torch.Generator().manual_seed(0))
    other = Draws.of(torch.Generator().manual_seed(1))

    streams = [draws.uniform(prompt=prompt, copy=copy, count=500) for prompt in range(4) for copy in range(4)]
    again = draws.uniform(prompt=1, copy=2, count=3)

    assert again.dtype == torch.float64
    assert torch.equal(again, streams[6][:3])
    together = torch.stack([*streams, other.uniform(prompt=0, copy=0, count=500)])
    assert len(together.unique()) == together.numel()
    assert ((together >= 0) & (together < 1)).all()
    assert together.mean().item() == pytest.approx(0.5, abs=4 / math.sqrt(12 * 8500))
    assert torch.corrcoef(together).fill_diagonal_(0).abs().max() < 0.2  # 4.5 standard deviations of 1/sqrt(500)


def test_streams_take_the_same_from_a_generator_however_much_is_drawn():
    first, second = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)

    Draws.of(first).uniform(prompt=0, copy=0, count=100)
    Draws.of(second)

    assert torch.equal(first.get_state(), second.get_state())
