"""Attention within spans of one long row: all that a block mask says, at the cost of what it allows.

A row without padding holds prompts and completions one after the other. A prompt attends to itself, a completion to its
prompt and itself. Where a mask over the whole row costs the square of its length, this costs the square of each text's.

transformers hands a 4D attention mask on to the attention function as it is, so the spans travel in its place, as a
table of whole numbers: nothing is kept aside that a recomputation in the backward pass could miss.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

Span = tuple[int, int]
"""Tokens of a span, and the number of the span that it continues: a completion's prompt; -1 where it begins a text."""

NAME = "prefloop_spans"
_ATTENTION = "sdpa"


def use_spans(model: Any) -> bool:
    """Let a model attend by spans where it is given them; it goes on as before where it isn't. Whether it now does.

    Only models that attend by torch's function are changed, and only if a small row comes out as with a mask.
    """
    config = model.config
    if config._attn_implementation != _ATTENTION:
        return False
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)
    if config._attn_implementation == NAME and _agrees(model):
        return True
    model.set_attn_implementation(_ATTENTION)
    return False


def table(spans: Sequence[Span], *, device: torch.device | str) -> Tensor:
    """What stands in the place of an attention mask: long, (1, 1, S, 2)."""
    return torch.tensor(spans, dtype=torch.long, device=device)[None, None]


def allowed(spans: Sequence[Span]) -> Tensor:
    """The mask that spans stand for, bool, (1, T, T), [row, query, key]; True = may attend."""
    starts = _starts(spans)
    total = starts[-1] + spans[-1][0]
    mask = torch.zeros(total, total, dtype=torch.bool)
    for (size, before), start in zip(spans, starts, strict=True):
        mask[start : start + size, start : start + size] = torch.ones(size, size, dtype=torch.bool).tril()
        if before >= 0:
            mask[start : start + size, starts[before] : starts[before] + spans[before][0]] = True
    return mask[None]


def _starts(spans: Sequence[Span]) -> list[int]:
    starts = [0]
    for size, _ in spans[:-1]:
        starts.append(starts[-1] + size)
    return starts


def _attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **settings: Any
) -> tuple[Tensor, None]:
    """transformers' contract: (1, H, T, D) each to (1, T, H, D). Without a table of spans its own function does it."""
    from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

    if attention_mask is None or attention_mask.dtype != torch.long:
        done: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
        return done
    shared = query.shape[1] // key.shape[1]  # query heads of one key head
    key, value = repeat_kv(key, shared), repeat_kv(value, shared)
    spans: list[Span] = attention_mask[0, 0].tolist()
    return _within(query, key, value, spans, scale=settings.get("scaling")).transpose(1, 2).contiguous(), None


def _within(query: Tensor, key: Tensor, value: Tensor, spans: Sequence[Span], *, scale: float | None) -> Tensor:
    sizes = [size for size, _ in spans]
    # One split each: the gradient of many slices would be as many tensors of the whole row.
    queries, keys, values = (torch.split(each, sizes, dim=2) for each in (query, key, value))
    longest = max(size + sizes[before] for size, before in spans if before >= 0) if len(spans) > 1 else 0
    causal = _causal(longest, query.dtype, query.device)
    parts = []
    for number, (size, before) in enumerate(spans):
        if before < 0:
            part = scaled_dot_product_attention(
                queries[number], keys[number], values[number], is_causal=True, scale=scale
            )
        else:
            prompt = sizes[before]
            part = scaled_dot_product_attention(
                queries[number],
                torch.cat([keys[before], keys[number]], dim=2),
                torch.cat([values[before], values[number]], dim=2),
                attn_mask=causal[prompt : prompt + size, : prompt + size],
                scale=scale,
            )
        parts.append(part)
    return torch.cat(parts, dim=2)


@lru_cache(maxsize=4)
def _rounded_causal(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    forbidden = torch.ones(size, size, dtype=torch.bool, device=device).triu(1)
    return torch.zeros(size, size, dtype=dtype, device=device).masked_fill(forbidden, torch.finfo(dtype).min)


def _causal(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """At least (size, size), added to scores: query i sees keys up to i. Its rows from P on are a completion's mask."""
    return _rounded_causal(-(-size // 512) * 512, dtype, device)


@torch.no_grad()
def _agrees(model: Any) -> bool:
    """Whether a prompt of 3 tokens with two completions comes out alike by spans and by a mask."""
    spans = ((3, -1), (2, 0), (2, 0), (2, -1))
    count = model.get_input_embeddings().weight.shape[0]
    inputs = {
        "input_ids": torch.arange(1, 10, device=model.device)[None] % count,
        "position_ids": torch.tensor([[0, 1, 2, 3, 4, 3, 4, 0, 1]], device=model.device),
        "use_cache": False,
    }
    mask = torch.zeros(1, 1, 9, 9, dtype=model.dtype).masked_fill(
        ~allowed(spans)[:, None], torch.finfo(model.dtype).min
    )
    wanted = model.base_model(attention_mask=mask.to(model.device), **inputs).last_hidden_state
    try:
        found = model.base_model(attention_mask=table(spans, device=model.device), **inputs).last_hidden_state
    except (RuntimeError, TypeError, ValueError):  # a model that reckons with its mask before it attends
        return False
    scale = wanted.abs().max()
    return bool((found - wanted).abs().max() <= (1e-3 if model.dtype == torch.float32 else 5e-2) * scale)
