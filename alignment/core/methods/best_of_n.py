"""Learning from the completions that a reward picks: the best of n, or those that rejection sampling accepts."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from alignment.core.config_data import BestOfNConfig, RejectionConfig
from alignment.core.methods.collecting import Collected, collected, mean, rewards_of, write
from alignment.core.methods.rollouts import Reward
from alignment.core.records import Prompt
from alignment.core.rollout import Sampler, best_of_n


def collect_best(
    sampler: Sampler,
    prompts: Sequence[Prompt],
    config: BestOfNConfig,
    *,
    reward: Reward,
    generator: torch.Generator,
) -> Collected:
    """The best of n completions of each prompt by a reward (Stiennon et al., 2020).

    Its KL to the policy that it samples is at most `kl.best_of_n_kl`.

    Metrics: ``reward`` of all that ended, and ``best_reward`` of those that are kept.
    """
    written = write(sampler, prompts, config, generator)
    ended = [[each for each in group if each.ended] for group in written]
    rewards = rewards_of(ended, reward)
    some = [number for number, group in enumerate(ended) if group]
    best = best_of_n([ended[number] for number in some], [rewards[number] for number in some])
    chosen: list[list[str]] = [[] for _ in prompts]
    for number, (each, _) in zip(some, best, strict=True):
        chosen[number] = [each.text]
    everything = [value for group in rewards for value in group]
    return collected(prompts, written, chosen, reward=mean(everything), best_reward=mean([value for _, value in best]))


def collect_accepted(
    sampler: Sampler,
    prompts: Sequence[Prompt],
    config: RejectionConfig,
    *,
    reward: Reward,
    generator: torch.Generator,
) -> Collected:
    """Completions accepted with probability exp((r - highest) / beta), repeated ones as often (Liu et al., 2023).

    With a true bound they are draws of the policy that maximises E[r] - beta KL(policy || the one that sampled).

    Metrics: ``reward`` of all that ended, and ``accepted``, the share of them.

    Raises:
        ValueError: a reward is not a number, or is above ``config.highest``.
    """
    written = write(sampler, prompts, config, generator)
    ended = [[each for each in group if each.ended] for group in written]
    rewards = rewards_of(ended, reward)
    chosen, accepted = [], 0
    for group, values in zip(ended, rewards, strict=True):
        drawn = torch.tensor(values, dtype=torch.float64)
        highest = _highest(drawn, config.highest)
        uniform = torch.rand(len(group), generator=generator, dtype=torch.float64, device=generator.device).cpu()
        taken = (uniform < ((drawn - highest) / config.beta).exp()).nonzero()[:, 0].tolist()
        accepted += len(taken)
        chosen.append([group[place].text for place in taken[: config.keep]])
    everything = [value for group in rewards for value in group]
    share = accepted / max(len(everything), 1)
    return collected(prompts, written, chosen, reward=mean(everything), accepted=share)


def _highest(rewards: torch.Tensor, bound: float | None) -> float:
    largest = float(rewards.max()) if len(rewards) else 0.0
    if bound is not None and largest > bound:
        raise ValueError(f"a reward is {largest:g}, highest is {bound:g}; give a bound that none exceeds, or none")
    return largest if bound is None else bound
