from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from alignment.core.sampling import SamplingSettings, draw, next_token_logprobs

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
