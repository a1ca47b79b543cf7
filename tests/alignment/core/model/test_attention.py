from __future__ import annotations

from typing import Any

import pytest
import torch

from alignment.core.batches import Encoded, collate
from alignment.core.model.attention import attention_of
from alignment.core.model.loading import ModelError
from tests.tiny_models import tiny_config

LLAMA: dict[str, Any] = {"config": tiny_config("llama"), "dtype": torch.float32, "by_spans": False}
TEXTS = [Encoded((1, 2), (3,)), Encoded((1, 2), (4,))]


def test_one_text_a_row_needs_a_mask_of_its_padding_at_most():
    assert attention_of(collate(TEXTS, layout="padded"), **LLAMA) is None
    padded = collate([TEXTS[0], Encoded((1,), (5,))], layout="padded", side="left")

    mask = attention_of(padded, **LLAMA)
    assert mask is not None
    assert mask.tolist() == [[True, True, True], [False, True, True]]


def test_completions_behind_a_shared_prompt_do_not_see_each_other():
    mask = attention_of(collate(TEXTS, layout="shared_prefix"), **LLAMA)  # 1, 2, 3, 4

    assert mask is not None
    assert mask.shape == (1, 1, 4, 4)
    assert (mask[0, 0] == 0).tolist() == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, False, True],
    ]
    assert mask.min() == torch.finfo(torch.float32).min


@pytest.mark.parametrize(
    ("options", "tokens"), [({"sliding_window": 2, "layer_types": ["sliding_attention"] * 2}, 2), ({}, None)]
)
def test_windows_are_refused_only_where_a_text_is_longer(options, tokens):
    config = tiny_config("qwen3")
    config.layer_types, config.sliding_window = options.get("layer_types"), options.get("sliding_window")
    batch = collate(TEXTS, layout="shared_prefix")

    if tokens is None:
        assert attention_of(batch, config=config, dtype=torch.float32, by_spans=False) is not None
    else:
        with pytest.raises(ModelError, match=f"windows of {tokens} tokens, which packed rows can't express"):
            attention_of(batch, config=config, dtype=torch.float32, by_spans=False)


def test_layers_without_attention_cannot_keep_texts_apart():
    config = tiny_config("qwen3")
    config.layer_types = ["linear_attention", "full_attention"]

    with pytest.raises(ModelError, match="windows of 0 tokens"):
        attention_of(collate(TEXTS, layout="shared_prefix"), config=config, dtype=torch.float32, by_spans=False)
