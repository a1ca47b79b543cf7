"""What the sides of the training benchmark are given: the same model, the same judgements, in the same order."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.config import TrainerConfig
from alignment.core.model.loading import Dtype
from alignment.core.records import Judgement, Message
from alignment.core.running.schedule import batch_at
from tests.benchmarks.training_sides.process import resident_mb

library: Any = transformers

HEAD_SEED = 0
"""Of the first weights of the reward's head, which all sides start from."""


@dataclass(frozen=True)
class Work:
    """Judgements to learn from, some at each step, and others to be tested on."""

    model: str
    train: list[Judgement]
    held_out: list[Judgement]
    per_step: int
    micro_batch_tokens: int
    lr: float = 1e-3

    @property
    def trainer(self) -> TrainerConfig:
        """The same optimizer, learning rates, clipping and order for all."""
        return TrainerConfig(batch_size=self.per_step, micro_batch_tokens=self.micro_batch_tokens, lr=self.lr)

    def step(self, number: int) -> list[Judgement]:
        """What is learned from at a step, from 0."""
        return [self.train[index] for index in batch_at(self.trainer, step=number, count=len(self.train))]

    @property
    def steps(self) -> int:
        """Steps of one pass."""
        return len(self.train) // self.per_step

    def to_json(self) -> dict[str, Any]:
        """Plain values, for another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Work:
        """What `to_json` gave."""
        lists = {name: [_judgement(row) for row in values[name]] for name in ("train", "held_out")}
        return cls(**{**values, **lists})


def _judgement(row: dict[str, Any]) -> Judgement:
    prompt = tuple(Message(**turn) for turn in row["prompt"])
    return Judgement(prompt=prompt, completions=tuple(row["completions"]), ranks=tuple(row["ranks"]), id=row["id"])


def load(model: str, *, lora: LoraConfig | None = None) -> Backbone:
    """Our backbone: fully fine-tuned unless adapters are asked for; on a GPU bfloat16 arithmetic, as TRL has it."""
    dtype: Dtype = "bfloat16" if torch.cuda.is_available() else "float32"
    return Backbone.load(Path(model), dtype=dtype, lora=lora)


def baseline_mb(model: str) -> float:
    """Memory of this process before its model, with the code that libraries load only when they are asked for it."""
    importlib.import_module("peft")
    library.AutoTokenizer.from_pretrained(model)
    with torch.device("meta"):
        library.AutoModelForCausalLM.from_config(library.AutoConfig.from_pretrained(model))
    return resident_mb()


def right(margins: Sequence[float]) -> float:
    """Share of pairs in which the better completion has the higher reward."""
    return sum(margin > 0 for margin in margins) / len(margins)


PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12}
"""Dense bfloat16 operations per second by part of a GPU's name, from its data sheet."""


def mfu(*, parameters: int, tokens_per_s: float) -> float | None:
    """Share of a GPU's peak that six operations per parameter and token are; None without a GPU, or an unknown one."""
    if not torch.cuda.is_available():
        return None
    name = torch.cuda.get_device_name()
    peak = next((value for part, value in PEAKS.items() if part in name), None)
    return None if peak is None else 6 * parameters * tokens_per_s / peak
