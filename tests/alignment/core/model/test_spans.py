from __future__ import annotations

import pytest
import torch

from alignment.core.model import spans
from alignment.core.model.loading import load_model
from tests.tiny_models import ARCHITECTURES, save_model

# a prompt of two tokens with completions of one and two, then a text of two
SPANS = ((2, -1), (1, 0), (2, 0), (2, -1))
ALLOWED = [
    [1, 0, 0, 0, 0, 0, 0],
    [1, 1, 0, 0, 0, 0, 0],
    [1, 1, 1, 0, 0, 0, 0],
    [1, 1, 0, 1, 0, 0, 0],
    [1, 1, 0, 1, 1, 0, 0],
    [0, 0, 0, 0, 0, 1, 0],
    [0, 0, 0, 0, 0, 1, 1],
]


def test_spans_stand_for_a_mask():
    assert spans.allowed(SPANS).int().tolist() == [ALLOWED]


@pytest.mark.parametrize("key_heads", [4, 2])
def test_attention_within_spans_has_the_values_and_gradients_of_masked_attention(key_heads):
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(1, 4, 7, 3, generator=generator, requires_grad=True)
    key, value = (torch.randn(1, key_heads, 7, 3, generator=generator, requires_grad=True) for _ in range(2))
    weight = torch.randn(1, 7, 4, 3, generator=generator)
    repeated = [each.repeat_interleave(4 // key_heads, dim=1) for each in (key, value)]
    scores = query @ repeated[0].mT * 0.7
    scores = scores.masked_fill(torch.tensor(ALLOWED) == 0, -torch.inf)
    expected = (scores.softmax(-1) @ repeated[1]).transpose(1, 2)
    gradients = torch.autograd.grad((expected * weight).sum(), [query, key, value])

    found, _ = spans._attend(
        torch.nn.Module(), query, key, value, spans.table(SPANS, device="cpu"), scaling=0.7, is_causal=True
    )
    found_gradients = torch.autograd.grad((found * weight).sum(), [query, key, value])

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(found_gradients, gradients, atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_models_of_every_kind_attend_by_spans(tmp_path, architecture):
    model = load_model(save_model(tmp_path / "model", architecture=architecture)).model

    assert spans.use_spans(model)


def test_a_model_that_attends_in_its_own_way_is_left_as_it_is(tmp_path):
    model = load_model(save_model(tmp_path / "model"), attention="eager").model

    assert not spans.use_spans(model)
    assert model.config._attn_implementation == "eager"


def test_a_model_that_takes_a_table_for_a_mask_is_left_as_it_is(tmp_path, monkeypatch):
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    def takes_everything_for_a_mask(module, query, key, value, attention_mask, **settings):
        mask = attention_mask if attention_mask.dtype != torch.long else None
        return sdpa_attention_forward(module, query, key, value, mask, **settings)

    monkeypatch.setattr(spans, "_attend", takes_everything_for_a_mask)
    model = load_model(save_model(tmp_path / "model")).model

    assert not spans.use_spans(model)
    assert model.config._attn_implementation == "sdpa"
