"""Supervised fine-tuning on demonstrations; the loss is on the completion only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.config import SFTConfig
from alignment.core.methods.base import Loss, ParameterGroup, Update, ensure_adapter, require_records
from alignment.core.methods.forward import lay_out
from alignment.core.records import Demonstration
from alignment.core.text import Encoded


class SupervisedFineTuning:
    """Maximum likelihood of demonstrated completions, on the adapter ``policy``."""

    name = "sft"

    def __init__(self, backbone: Backbone, config: SFTConfig, *, adapter: str = "policy", seed: int = 0) -> None:
        self.backbone, self.config, self.adapter = backbone, config, adapter
        ensure_adapter(backbone, adapter, seed=seed)

    def settings(self) -> dict[str, Any]:
        return {"adapter": self.adapter, "backbone": self.backbone.digest, **self.config.to_dict()}

    def examples(self, data: Sequence[Demonstration]) -> list[Encoded]:
        require_records(self.name, data, Demonstration)
        return encode_demonstrations(self.backbone, data)

    def prepare(self, examples: Sequence[Encoded]) -> None:
        pass

    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup(role="policy", parameters=list(self.backbone.parameters(self.adapter)))]

    def updates(self, batch: Sequence[Encoded], *, generator: torch.Generator) -> Iterator[Update[Encoded]]:
        tokens = sum(len(each.completion_ids) for each in batch)
        yield Update(units=batch, counts={"loss": tokens if self.config.average == "token" else len(batch)})

    def size(self, units: Sequence[Encoded]) -> int:
        return sum(len(each.prompt_ids) + len(each.completion_ids) for each in units)

    def losses(self, units: Sequence[Encoded]) -> Iterator[Loss]:
        with self.backbone.adapter(self.adapter):
            nll, mask = negative_log_likelihood(self.backbone, units)
            each = nll.sum(1) if self.config.average == "token" else nll.sum(1) / mask.sum(1)
            tokens = float(mask.sum())
            yield Loss({"loss": each.sum()}, metrics={"nll_per_token": (nll.detach().sum(), tokens)})

    def state_dict(self) -> dict[str, Any]:
        return {"adapter": dict(self.backbone.named_parameters(self.adapter))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.backbone.load_parameters(self.adapter, state["adapter"])


def encode_demonstrations(backbone: Backbone, data: Sequence[Demonstration]) -> list[Encoded]:
    """Demonstrations as token ids."""
    return [backbone.template.encode(each.prompt, [each.completion])[0] for each in data]


def negative_log_likelihood(backbone: Backbone, encoded: Sequence[Encoded]) -> tuple[Tensor, Tensor]:
    """-log pi of each completion token under the active adapter, 0 behind the mask, nats, (N, L), and the mask."""
    batch = lay_out(backbone, encoded)
    return -backbone.logprobs(batch).masked_fill(~batch.mask, 0.0), batch.mask
