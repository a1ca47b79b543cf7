"""REINFORCE with the other completions of the prompt as baseline: RLOO, GRPO, Dr. GRPO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch

from alignment.core.backbone import Backbone
from alignment.core.config import ReinforceConfig
from alignment.core.methods.policy_gradient import PolicyGradient
from alignment.core.methods.rollouts import Reward, Rollout, draw
from alignment.core.records import Prompt
from alignment.core.rl import group_advantages
from alignment.core.rollout import Sampler


class Reinforce(PolicyGradient[ReinforceConfig]):
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
        super().__init__(backbone, config, sampler=sampler, adapter=adapter, seed=seed)
        self.reward = reward

    def roll_out(
        self, batch: Sequence[Prompt], *, generator: torch.Generator
    ) -> tuple[list[Rollout], dict[str, float]]:
        """Completions of the batch, each compared with the others of its prompt."""
        drawn = draw(
            self.backbone,
            batch,
            sampler=self.sampler,
            reward=self.reward,
            adapter=self.adapter,
            settings=self.config,
            generator=generator,
            reward_clip=self.config.reward_clip,
        )
        kind = cast('Literal["rloo", "grpo", "dr_grpo"]', self.config.baseline)
        advantages = group_advantages(drawn.scores.reshape(len(batch), -1), kind=kind).flatten()  # (N,)
        return drawn.rewarded(advantages, beta=self.config.beta), drawn.metrics()
