"""What comes at which step: the order of the data, the learning rate, the seed. All functions of the step alone,
so that a resumed run needs no state to go on in the same order."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

import torch

from alignment.core.config import TrainerConfig


def total_steps(config: TrainerConfig, *, count: int) -> int:
    """Steps of a run over ``count`` examples: `steps`, or as many as `epochs` needs, the last batch perhaps smaller."""
    if config.steps is not None:
        return config.steps
    return math.ceil(round(config.epochs * count) / min(config.batch_size, count)) or 1


def batch_at(config: TrainerConfig, *, step: int, count: int) -> list[int]:
    """The examples of one step, by index: the next `batch_size` of epoch after epoch, each shuffled by its own seed.

    A batch is never larger than the data, so that none holds an example twice for want of others.
    """
    size = min(config.batch_size, count)
    end = (step + 1) * size
    if config.steps is None:
        end = min(end, max(round(config.epochs * count), 1))
    places = (divmod(position, count) for position in range(step * size, end))
    return [_order(config.seed, epoch, count)[place] for epoch, place in places]


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> list[int]:
    """Kept, because every step of an epoch asks for it."""
    generator = torch.Generator().manual_seed(_mix(seed, "order", epoch))
    return torch.randperm(count, generator=generator).tolist()


def learning_rate_factor(config: TrainerConfig, *, step: int, total: int) -> float:
    """The learning rate of a step (from 0) as a share of its peak; it would be 0 right after the last step."""
    if step < config.warmup_steps:
        return (step + 1) / (config.warmup_steps + 1)
    if config.schedule == "constant":
        return 1.0
    progress = (step - config.warmup_steps) / max(total - config.warmup_steps, 1)
    return 1.0 - progress if config.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * progress))


def step_generator(*, seed: int, step: int) -> torch.Generator:
    """The generator of what a step draws: its own for each step."""
    return torch.Generator().manual_seed(_mix(seed, "step", step))


def order_digest(data: Sequence[object]) -> str:
    """A digest of the records and their order; records are frozen dataclasses, so that `repr` says all of them."""
    digest = hashlib.sha256()
    for record in data:
        digest.update(repr(record).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _mix(seed: int, purpose: str, index: int) -> int:
    """A seed of its own for each purpose and index; neighbouring seeds would give overlapping streams."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 2**63
