from __future__ import annotations

import torch
from transformers import AutoConfig, DynamicCache

from alignment.core.sampling.cache import growing_cache
from tests.tiny_models import tiny_config


def _states(generator: torch.Generator, *, rows: int, tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    keys, values = (torch.randn(rows, 2, tokens, 3, generator=generator) for _ in range(2))
    return keys, values


def test_what_is_held_is_what_was_written_through_growth_and_choices_of_rows():
    config = tiny_config("llama")
    ours, expected = growing_cache(config), DynamicCache(config=config)
    generator = torch.Generator().manual_seed(0)
    rows = 2

    for step in range(90):
        if step in (1, 40):
            chosen = torch.tensor([0, 0, 1, 1] if step == 1 else [2, 0])
            rows = len(chosen)
            for cache in (ours, expected):
                cache.batch_select_indices(chosen)
        states = _states(generator, rows=rows, tokens=5 if step == 0 else 1)
        for layer in range(2):
            found, wanted = ours.update(*states, layer), expected.update(*states, layer)

            assert torch.equal(found[0], wanted[0])
            assert torch.equal(found[1], wanted[1])

    assert ours.get_seq_length() == 94


def test_a_token_is_written_without_copying_those_before_it():
    cache = growing_cache(tiny_config("llama"))
    generator = torch.Generator().manual_seed(0)
    cache.update(*_states(generator, rows=1, tokens=5), 0)
    place = cache.layers[0].keys.data_ptr()

    for _ in range(20):
        cache.update(*_states(generator, rows=1, tokens=1), 0)

    assert cache.layers[0].keys.data_ptr() == place


def test_layers_with_a_window_stay_what_they_are():
    config = AutoConfig.for_model(
        "mistral", hidden_size=32, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2, sliding_window=8
    )

    kinds = [type(layer).__name__ for layer in growing_cache(config).layers]

    assert kinds == ["DynamicSlidingWindowLayer"]
