"""REINFORCE with the other completions of the prompt as baseline: RLOO, GRPO, Dr. GRPO."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import torch

from alignment.core.backbone import Backbone
from alignment.core.config import ReinforceConfig
from alignment.core.methods.base import Loss, ParameterGroup, Update, ensure_adapter
from alignment.core.methods.forward import num_tokens
from alignment.core.methods.rollouts import Drawn, Reward, Rollout, draw, policy_loss
from alignment.core.records import Prompt
from alignment.core.rl import gae, group_advantages, kl_shaped_rewards
from alignment.core.rollout import LocalSampler, Sampler


class Reinforce:
    """Advantage of the group plus the KL still to come, summed over tokens, in mean over completions.

    A_t = group_advantage(score) - beta sum_{s >= t} (log pi(y_s) - log pi_ref(y_s))

    The KL stands in the advantage as a reward-to-go, which is the gradient of the sequence KL; a KL loss per token is
    not. In mean over completions the gradient is exactly that of the expected reward less beta times the KL.

    Args:
        reward: scores rollouts, without gradient.
        sampler: what writes the rollouts; the policy's own backbone by default. Its log-probabilities are never used.
    """

    name = "reinforce"

    def __init__(
        self,
        backbone: Backbone,
        config: ReinforceConfig,
        *,
        reward: Reward,
        sampler: Sampler | None = None,
        adapter: str = "policy",
        seed: int = 0,
    ) -> None:
        self.backbone, self.config, self.reward, self.adapter = backbone, config, reward, adapter
        ensure_adapter(backbone, adapter, seed=seed)
        self.sampler = sampler or LocalSampler(backbone, adapter)

    def settings(self) -> dict[str, Any]:
        """What the result depends on."""
        return {"adapter": self.adapter, "backbone": self.backbone.digest, **self.config.to_dict()}

    def examples(self, data: Sequence[Prompt]) -> list[Prompt]:
        """The prompts to write completions for."""
        return list(data)

    def prepare(self, examples: Sequence[Prompt]) -> None:
        """Nothing: rollouts are made as they are needed."""

    def parameter_groups(self) -> list[ParameterGroup]:
        """The policy."""
        return [ParameterGroup("policy", self.backbone.parameters(self.adapter))]

    def updates(self, batch: Sequence[Prompt], *, generator: torch.Generator) -> Iterator[Update[Rollout]]:
        """Roll out, then one update per pass over the rollouts."""
        drawn = draw(
            self.backbone,
            batch,
            sampler=self.sampler,
            reward=self.reward,
            adapter=self.adapter,
            settings=self.config,
            generator=generator,
        )
        rollouts = self._with_advantages(drawn, num_prompts=len(batch))
        for number in range(self.config.epochs):
            yield Update(rollouts, {"loss": len(rollouts)}, {} if number else drawn.metrics())

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

    def _with_advantages(self, drawn: Drawn, *, num_prompts: int) -> list[Rollout]:
        kind = cast('Literal["rloo", "grpo", "dr_grpo"]', self.config.baseline)
        advantages = group_advantages(drawn.scores.reshape(num_prompts, -1), kind=kind).flatten()  # (N,)
        rewards = kl_shaped_rewards(advantages, drawn.old, drawn.reference, drawn.mask, beta=self.config.beta)
        nothing = torch.zeros_like(rewards)
        to_go, _ = gae(rewards, nothing, drawn.mask, gamma=1.0, lam=1.0)  # sums of what is still to come
        return drawn.rollouts(values=nothing, advantages=to_go, returns=nothing)
