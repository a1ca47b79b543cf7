"""A key-value cache with room to grow, so that a token is written behind the others instead of copying them all."""

from __future__ import annotations

import functools
from typing import Any

from torch import Tensor


def growing_cache(config: Any) -> Any:
    """transformers' cache for a model; layers that would copy all their keys at each token get room instead."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    kind: Any = DynamicCache
    cache = kind(config=config)
    # Only the plain kind: those with windows or states of their own forget, which room to grow has no say in.
    cache.layers = [_growing_layer()() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


@functools.cache
def _growing_layer() -> Any:
    """The class, made when it is first asked for: transformers takes seconds to load."""
    from transformers import cache_utils

    library: Any = cache_utils

    class GrowingLayer(library.DynamicLayer):  # type: ignore[misc]  # its base is Any
        """Keys and values are the filled part of larger tensors, (R, H, room, D)."""

        keys: Any
        values: Any

        def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
                self.rooms: list[Tensor | None] = [None, None]
            self.rooms[0], self.keys = _append(self.rooms[0], self.keys, key_states)
            self.rooms[1], self.values = _append(self.rooms[1], self.values, value_states)
            return self.keys, self.values

    return GrowingLayer


def _append(room: Tensor | None, held: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
    """Write (R, H, n, D) behind what is held; the room, a new one where that does not fit, and its filled part."""
    length = held.shape[-2] if held.numel() else 0
    end = length + new.shape[-2]
    # After a choice of rows what is held lies elsewhere.
    if room is None or (length and held.data_ptr() != room.data_ptr()) or end > room.shape[-2]:
        room = new.new_empty(*new.shape[:-2], end + end // 4 + 32, new.shape[-1])
        if length:
            room[..., :length, :] = held
    room[..., length:end, :] = new
    return room, room[..., :end, :]
