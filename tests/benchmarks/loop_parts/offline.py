"""Offline DPO on random pairs of the base model: what the loop is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alignment.core.backbone import Backbone
from alignment.core.config import DirectConfig, TrainerConfig
from alignment.core.methods.direct import Direct
from alignment.core.records import Judgement
from alignment.core.trainer import train

BATCH, WARMUP = 64, 5


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters of one try."""

    beta: float = 0.1
    lr: float = 1e-3
    examples: int = 16_384
    """Pairs gone through, each pass counted, unless one pass is more."""

    def epochs(self, num: int) -> float:
        """Passes through so many pairs."""
        return max(1.0, min(8.0, self.examples / num))


def dpo(backbone: Backbone, judgements: Sequence[Judgement], recipe: Recipe, *, adapter: str, seed: int) -> None:
    """Train an adapter, which starts as the base, on all the judgements."""
    epochs = recipe.epochs(len(judgements))
    config = TrainerConfig(epochs=epochs, batch_size=BATCH, lr=recipe.lr, warmup_steps=WARMUP, seed=seed)
    method = Direct(backbone, DirectConfig(beta=recipe.beta), adapter=adapter, seed=seed)
    train(method, judgements, config)
