"""What a batch's tokens may attend to, in the form that a transformers model takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from alignment.core.batches import Batch
from alignment.core.model import spans
from alignment.core.model.loading import ModelError


def attention_of(batch: Batch, *, config: Any, dtype: torch.dtype, by_spans: bool) -> Tensor | None:
    """The attention mask of a batch for a model: none, a padding mask, spans, or a block mask that is added.

    Args:
        config: the model's.
        dtype: of the model's attention scores.
        by_spans: whether the model attends by ``spans``.

    Raises:
        ModelError: the model's kind of attention can't keep several texts of a row apart.
    """
    if batch.causal:
        return None
    if batch.spans is None and batch.attention.dim() == 2:
        return batch.attention
    limit = _block_mask_limit(config.get_text_config())
    if limit is not None and int(batch.positions.max()) >= limit:
        raise ModelError(
            f"{config.model_type} attends in windows of {limit} tokens, which packed rows can't express; "
            "use layout='padded'"
        )
    if batch.spans is not None and by_spans:
        return spans.table(batch.spans, device=batch.ids.device)
    allowed = batch.allowed()
    mask = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device)
    return mask.masked_fill(~allowed, torch.finfo(dtype).min)[:, None]  # (B, 1, T, T), added to the scores


def _block_mask_limit(config: Any) -> int | None:
    """Tokens up to which a block mask says all that attention does: 0 with recurrent layers, None without a limit."""
    kinds = set(getattr(config, "layer_types", None) or ())
    if any("linear" in kind or "mamba" in kind or "conv" in kind or "recurrent" in kind for kind in kinds):
        return 0
    windows = [getattr(config, "sliding_window", None) if "sliding_attention" in kinds or not kinds else None]
    windows += [getattr(config, "attention_chunk_size", None) if "chunked_attention" in kinds else None]
    return min((int(window) for window in windows if window), default=None)
