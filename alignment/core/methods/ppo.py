"""Proximal policy optimisation: actor and critic on adapters of one backbone, the reference with adapters off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.config import PPOConfig
from alignment.core.heads import ScalarHead
from alignment.core.methods.base import Loss, ParameterGroup, Update, ensure_adapter, require_prompts, require_records
from alignment.core.methods.forward import by_token, lay_out, num_tokens, padded
from alignment.core.methods.rollouts import Reward, Rollout, draw, policy_loss
from alignment.core.methods.sft import encode_demonstrations, negative_log_likelihood
from alignment.core.records import Demonstration, Prompt
from alignment.core.rl import clipped_value_loss, gae, kl_shaped_rewards, whiten
from alignment.core.rollout import LocalSampler, Sampler
from alignment.core.statistics.kl import AdaptiveKL
from alignment.core.text import Encoded

FIRST = {"ratio": "first_ratio", "approx_kl": "first_approx_kl"}
"""Reported of the first minibatch by itself: 1 and 0, or old and new log-probabilities come from different code."""


class PPO:
    """Reward at the end less beta times the KL per token, GAE, clipped losses (Ziegler et al., 2019).

    Args:
        reward: scores rollouts, without gradient.
        demonstrations: what PPO-ptx mixes in; needed when `ptx_weight` is above 0.
        sampler: what writes the rollouts; the policy's own backbone by default. Its log-probabilities are never used.
    """

    name = "ppo"

    def __init__(
        self,
        backbone: Backbone,
        config: PPOConfig,
        *,
        reward: Reward,
        demonstrations: Sequence[Demonstration] = (),
        sampler: Sampler | None = None,
        adapter: str = "policy",
        value_adapter: str = "value",
        seed: int = 0,
    ) -> None:
        if config.ptx_weight and not demonstrations:
            raise ValueError(f"ptx_weight is {config.ptx_weight} and there are no demonstrations; give some, or 0")
        require_records(self.name, demonstrations, Demonstration)
        self.backbone, self.config, self.reward = backbone, config, reward
        self.adapter, self.value_adapter = adapter, value_adapter
        ensure_adapter(backbone, adapter, seed=seed)
        self.sampler = sampler or LocalSampler(backbone, adapter)
        ensure_adapter(backbone, value_adapter, seed=seed + 1)
        self.value_head = ScalarHead(backbone.hidden_size, zero=True).to(backbone.device)
        self.demonstrations = encode_demonstrations(backbone, demonstrations) if config.ptx_weight else []
        self.beta = config.beta
        self.controller = (
            AdaptiveKL(beta=config.beta, target=config.target_kl, horizon=config.kl_horizon)
            if config.target_kl is not None
            else None
        )

    def settings(self) -> dict[str, Any]:
        """What the result depends on."""
        adapters = {"adapter": self.adapter, "value_adapter": self.value_adapter}
        return {"backbone": self.backbone.digest, **adapters, **self.config.to_dict()}

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
        """The policy, and the critic with its head, whose gradients are clipped apart."""
        config = self.config
        return [
            ParameterGroup("policy", self.backbone.parameters(self.adapter)),
            ParameterGroup("value", self.backbone.parameters(self.value_adapter), config.value_lr_factor),
            ParameterGroup("value", list(self.value_head.parameters()), config.value_head_lr_factor),
        ]

    def updates(self, batch: Sequence[Prompt], *, generator: torch.Generator) -> Iterator[Update[Rollout | Encoded]]:
        """Roll out, then learn from the rollouts in several passes of several minibatches."""
        rollouts, metrics = self._roll_out(batch, generator=generator)
        first = True
        for _ in range(self.config.epochs):
            order = torch.randperm(len(rollouts), generator=generator)
            for part in order.tensor_split(min(self.config.minibatches, len(rollouts))):
                chosen = [rollouts[index] for index in part.tolist()]
                mixed = self._draw_demonstrations(generator)
                tokens = sum(len(each.encoded.completion_ids) for each in chosen)
                counts = {"policy": tokens, "value": tokens, "ptx": sum(len(each.completion_ids) for each in mixed)}
                # Old log-probabilities come from the same forward code, so the first ratios are 1: seen in the metrics.
                yield Update([*chosen, *mixed], counts, metrics if first else {}, FIRST if first else {})
                first = False
        if self.controller is not None:
            self.beta = self.controller.update(kl=metrics["kl"], num_completions=len(rollouts))

    def size(self, units: Sequence[Rollout | Encoded]) -> int:
        """Tokens of a forward pass."""
        return num_tokens([unit.encoded if isinstance(unit, Rollout) else unit for unit in units])

    def losses(self, units: Sequence[Rollout | Encoded]) -> Iterator[Loss]:
        """The policy's loss with the policy's adapter in place, then the critic's with its own."""
        rollouts = [unit for unit in units if isinstance(unit, Rollout)]
        mixed = [unit for unit in units if isinstance(unit, Encoded)]
        with self.backbone.adapter(self.adapter):
            if rollouts:
                yield self._policy_loss(rollouts)
            if mixed:
                nll, mask = negative_log_likelihood(self.backbone, mixed)
                metrics = {"nll_per_token": (nll.detach().sum(), float(mask.sum()))}
                yield Loss({"ptx": self.config.ptx_weight * nll.sum()}, metrics=metrics)
        if rollouts:
            with self.backbone.adapter(self.value_adapter):
                yield self._value_loss(rollouts)

    def state_dict(self) -> dict[str, Any]:
        """Policy, critic, and beta, which moves."""
        return {
            "policy": self.backbone.named_parameters(self.adapter),
            "value": self.backbone.named_parameters(self.value_adapter),
            "value_head": dict(self.value_head.state_dict()),
            "beta": self.beta,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.backbone.load_parameters(self.adapter, state["policy"])
        self.backbone.load_parameters(self.value_adapter, state["value"])
        self.value_head.load_state_dict(state["value_head"])
        self.beta = state["beta"]
        if self.controller is not None:
            self.controller.load_state_dict({"beta": self.beta})

    def _roll_out(
        self, batch: Sequence[Prompt], *, generator: torch.Generator
    ) -> tuple[list[Rollout], dict[str, float]]:
        """Completions of the batch with advantages and returns, and what they were like."""
        config = self.config
        drawn = draw(
            self.backbone,
            batch,
            sampler=self.sampler,
            reward=self.reward,
            adapter=self.adapter,
            settings=config,
            generator=generator,
            reward_clip=config.reward_clip,
        )
        rows = by_token(self.backbone, drawn.encoded, adapter=self.value_adapter, compute=self._values)
        values, mask = padded(rows)
        rewards = kl_shaped_rewards(drawn.scores, drawn.old, drawn.reference, mask, beta=self.beta)
        if config.whiten_rewards:
            rewards = whiten(rewards, mask, shift_mean=False)
        advantages, returns = gae(rewards, values, mask, gamma=config.gamma, lam=config.lam)
        if config.whiten_advantages:
            advantages = whiten(advantages, mask)
        rollouts = drawn.rollouts(values=values, advantages=advantages, returns=returns)
        return rollouts, drawn.metrics() | {"beta": self.beta}

    def _values(self, batch: Any) -> Tensor:
        values: Tensor = self.value_head(self.backbone.hidden(batch))
        return values

    def _draw_demonstrations(self, generator: torch.Generator) -> list[Encoded]:
        if not self.demonstrations:
            return []
        count = min(self.config.ptx_batch_size, len(self.demonstrations))
        drawn = torch.randperm(len(self.demonstrations), generator=generator)[:count]
        return [self.demonstrations[index] for index in drawn.tolist()]

    def _policy_loss(self, rollouts: Sequence[Rollout]) -> Loss:
        config = self.config
        total, metrics = policy_loss(self.backbone, rollouts, temperature=config.temperature, clip=config.clip)
        return Loss({"policy": total}, metrics=metrics)

    def _value_loss(self, rollouts: Sequence[Rollout]) -> Loss:
        batch = lay_out(self.backbone, [each.encoded for each in rollouts])
        old, _ = padded([each.old_values for each in rollouts], device=self.backbone.device)
        returns, _ = padded([each.returns for each in rollouts], device=self.backbone.device)
        values = self._values(batch)
        total, _, metrics = clipped_value_loss(values, old, returns, batch.mask, clip=self.config.value_clip)
        return Loss({"value": total}, metrics=metrics)
