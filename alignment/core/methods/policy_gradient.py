"""What policy gradients without a critic have in common: roll out, then learn from the rollouts in a few passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import torch

from alignment.core.backbone import Backbone
from alignment.core.config import NashMDConfig, ReinforceConfig
from alignment.core.methods.base import Loss, ParameterGroup, Update, ensure_adapter, require_prompts
from alignment.core.methods.forward import num_tokens
from alignment.core.methods.rollouts import Rollout, policy_loss
from alignment.core.records import Prompt
from alignment.core.rollout import LocalSampler, Sampler

Config = TypeVar("Config", ReinforceConfig, NashMDConfig)


class PolicyGradient(ABC, Generic[Config]):
    """A policy on an adapter, its rollouts, and the clipped loss summed over tokens, in mean over completions."""

    name: str

    def __init__(self, backbone: Backbone, config: Config, *, sampler: Sampler | None, adapter: str, seed: int) -> None:
        self.backbone, self.adapter = backbone, adapter
        self.config: Config = config
        ensure_adapter(backbone, adapter, seed=seed)
        self.sampler = sampler or LocalSampler(backbone, adapter)

    @abstractmethod
    def roll_out(
        self, batch: Sequence[Prompt], *, generator: torch.Generator
    ) -> tuple[list[Rollout], dict[str, float]]:
        """Completions of the batch with their advantages, and what they were like."""

    def settings(self) -> dict[str, Any]:
        """What the result depends on."""
        return {"adapter": self.adapter, "backbone": self.backbone.digest, **self.config.to_dict()}

    def examples(self, data: Sequence[Prompt]) -> list[Prompt]:
        """The prompts to write completions for.

        Raises:
            TypeError: something is no prompt.
        """
        require_prompts(self.name, data)
        return list(data)

    def prepare(self, examples: Sequence[Prompt]) -> None:
        """Nothing: rollouts are made as they are needed."""

    def parameter_groups(self) -> list[ParameterGroup]:
        """The policy."""
        return [ParameterGroup("policy", self.backbone.parameters(self.adapter))]

    def updates(self, batch: Sequence[Prompt], *, generator: torch.Generator) -> Iterator[Update[Rollout]]:
        """Roll out, then one update per pass over the rollouts."""
        rollouts, metrics = self.roll_out(batch, generator=generator)
        for number in range(self.config.epochs):
            yield Update(rollouts, {"loss": len(rollouts)}, {} if number else metrics)

    def size(self, units: Sequence[Rollout]) -> int:
        """Tokens of a forward pass."""
        return num_tokens([unit.encoded for unit in units])

    def losses(self, units: Sequence[Rollout]) -> Iterator[Loss]:
        """The policy gradient, clipped once the policy has moved away from the one that sampled."""
        config = self.config
        with self.backbone.adapter(self.adapter):
            total, metrics = policy_loss(self.backbone, units, temperature=config.temperature, clip=config.clip)
            yield Loss({"loss": total}, metrics=metrics)

    def state_dict(self) -> dict[str, Any]:
        """The policy's adapter."""
        return {"adapter": self.backbone.named_parameters(self.adapter)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.backbone.load_parameters(self.adapter, state["adapter"])
