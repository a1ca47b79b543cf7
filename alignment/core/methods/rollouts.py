"""Completions that the policy wrote and learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.methods.forward import lay_out, logprobs_by_token, padded
from alignment.core.records import Prompt
from alignment.core.rl import clipped_policy_loss, gae, kl_shaped_rewards
from alignment.core.rollout import Sampler
from alignment.core.running.processes import on_first
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.text import Encoded


@dataclass(frozen=True)
class Rollout:
    """One completion as token ids, and per token (length,), on the CPU, what was computed when it was made."""

    encoded: Encoded
    old_logprobs: Tensor
    old_values: Tensor
    advantages: Tensor
    returns: Tensor


Reward = Callable[[Sequence[Encoded]], Tensor]
"""Rewards of completions given as token ids, (N,): `RewardModel.score`, or any function of the text.

Of several processes each asks, so that a reward model can share the work out; what the first one hears counts.
"""


class RolloutSettings(Protocol):
    """The settings of sampling that all policy gradients have in common."""

    @property
    def completions_per_prompt(self) -> int: ...
    @property
    def max_new_tokens(self) -> int: ...
    @property
    def temperature(self) -> float: ...
    @property
    def missing_eos_penalty(self) -> float: ...


@dataclass(frozen=True)
class Drawn:
    """N completions, those of one prompt side by side, and what is known of them.

    Attributes:
        scores: rewards less the penalty of those that never ended, nats, (N,).
        ended: bool, (N,).
        old, reference: log-probabilities by token under policy and reference, nats, (N, L).
        mask: bool, (N, L).
    """

    encoded: list[Encoded]
    scores: Tensor
    ended: Tensor
    old: Tensor
    reference: Tensor
    mask: Tensor

    def metrics(self) -> dict[str, float]:
        """What the completions were like; `kl` is the mean log-ratio of whole completions, nats."""
        return {
            "reward": float(self.scores.mean()),
            "kl": float((self.old - self.reference).sum(1).mean()),
            "length": float(self.mask.sum(1).float().mean()),
            "eos_rate": float(self.ended.float().mean()),
        }

    def rewarded(self, scores: Tensor, *, beta: float) -> list[Rollout]:
        """Units whose advantage is their score less beta times the KL still to come, without a critic.

        A_t = score - beta sum_{s >= t} (log pi(y_s) - log pi_ref(y_s))

        The KL as a reward-to-go has the gradient of the sequence KL; a KL loss per token does not.

        Args:
            scores: of each completion, (N,).
        """
        rewards = kl_shaped_rewards(scores, self.old, self.reference, self.mask, beta=beta)
        nothing = torch.zeros_like(rewards)
        to_go, _ = gae(rewards, nothing, self.mask, gamma=1.0, lam=1.0)  # sums of what is still to come
        return self.rollouts(values=nothing, advantages=to_go, returns=nothing)

    def rollouts(self, *, values: Tensor, advantages: Tensor, returns: Tensor) -> list[Rollout]:
        """One unit per completion, its rows cut to its length; the arguments are (N, L)."""
        lengths = self.mask.sum(1).tolist()
        rows = zip(self.encoded, lengths, self.old, values, advantages, returns, strict=True)
        return [Rollout(each, *(row[:length] for row in columns)) for each, length, *columns in rows]


def draw(
    backbone: Backbone,
    prompts: Sequence[Prompt],
    *,
    sampler: Sampler,
    reward: Reward,
    adapter: str,
    settings: RolloutSettings,
    generator: torch.Generator,
    reward_clip: float | None = None,
) -> Drawn:
    """Sample from the whole distribution, score, and compute log-probabilities with the code that training uses.

    Raises:
        ValueError: the reward gave another number of rewards than there are completions, or one that is no number.
    """
    sampling = SamplingSettings(
        num_completions=settings.completions_per_prompt,
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
    )
    drawn = sampler.sample(prompts, settings=sampling, generator=generator)
    together = [completion for completions in drawn for completion in completions]
    encoded, ended = [each.encoded() for each in together], torch.tensor([each.ended for each in together])
    said = torch.as_tensor(reward(encoded)).float().cpu()
    scores = on_first(lambda: said)
    if scores.shape != (len(encoded),):
        raise ValueError(f"the reward gave {tuple(scores.shape)} for {len(encoded)} completions")
    if not bool(torch.isfinite(scores).all()):
        number = int((~torch.isfinite(scores)).nonzero()[0])
        raise ValueError(
            f"the reward gave {scores[number].item()} for completion {number}, {together[number].text!r}; rewards must "
            "be numbers that are finite"
        )
    if reward_clip is not None:
        scores = scores.clamp(-reward_clip, reward_clip)
    temperature = settings.temperature
    old, mask = padded(logprobs_by_token(backbone, encoded, adapter=adapter, temperature=temperature))
    reference, _ = padded(logprobs_by_token(backbone, encoded, adapter=None, temperature=temperature))
    scores = scores - settings.missing_eos_penalty * (~ended).float()
    return Drawn(encoded, scores, ended, old, reference, mask)


def policy_loss(
    backbone: Backbone, rollouts: Sequence[Rollout], *, temperature: float, clip: float
) -> tuple[Tensor, dict[str, tuple[Tensor, float]]]:
    """The clipped loss of the adapter that is active, summed over tokens, and its metrics."""
    batch = lay_out(backbone, [each.encoded for each in rollouts])
    old, _ = padded([each.old_logprobs for each in rollouts], device=backbone.device)
    advantages, _ = padded([each.advantages for each in rollouts], device=backbone.device)
    logprobs = backbone.logprobs(batch, temperature=temperature)
    total, _, metrics = clipped_policy_loss(logprobs, old, advantages, batch.mask, clip=clip)
    return total, metrics
