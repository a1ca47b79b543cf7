"""The learner of the benchmark: the loop's three steps on the core, in memory. It never sees who judges, nor the truth.

Each round: a pool of policies writes candidates, a rule chooses what to ask about, and after the answers heads on the
base's own states are fitted to all of them, and the policy goes on to learn from their pessimistic rewards.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.config import ReinforceConfig, RewardModelConfig, TrainerConfig
from alignment.core.heads import Ensemble
from alignment.core.methods.forward import prompt_numbers
from alignment.core.methods.posterior import fit_heads
from alignment.core.methods.reinforce import Reinforce
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement
from alignment.core.rollout import Sampled
from alignment.core.selection import Rule
from alignment.core.selection_round import choose_round
from alignment.core.text import Encoded
from alignment.core.trainer import train
from tests.benchmarks.loop_parts.language import MAX_NEW_TOKENS, to_prompt, write


@dataclass(frozen=True)
class Settings:
    """How the loop learns."""

    rule: Rule = Rule.RANDOM
    refresh: int = 64
    """Labels between two refreshes of the reward model, each followed by a run of the policy."""
    random_share: float = 0.2
    candidates: int = 8
    """Completions to choose the two from, by each policy of the pool together."""
    from_base: float = 0.25
    """Share of the candidates that the base writes; the others are the newest policy's."""
    considered: int = 3
    """Prompts to choose from, times those that are asked about."""
    members: int = 64
    """Draws from the posterior of the heads, which are fitted on the base's own states at each refresh."""
    prior_deviation: float = 1.0
    pessimism: float = 2.0
    """Deviations of a completion's lead over the others of its prompt. With 1 or less most worlds ended lower."""
    beta: float = 0.1
    policy_lr: float = 1e-3
    policy_steps: int = 12
    rollout_prompts: int = 24
    rollouts: int = 8


Pair = tuple[str, Sampled, Sampled, float]
"""A prompt, two completions of it, and the propensity of the choice."""


class Learner:
    """A policy that learns from judgements of what it writes.

    Args:
        prompts: that may be asked about and learned from.
    """

    def __init__(self, backbone: Backbone, prompts: Sequence[str], settings: Settings, *, seed: int) -> None:
        self.backbone, self.prompts, self.settings, self.seed = backbone, list(prompts), settings, seed
        self.round = 0
        self.name = f"policy/{seed}/{len(backbone.adapters)}"
        self.model: RewardModel | None = None
        self.chance = random.Random(f"{seed} learner")
        backbone.add_adapter(self.name)
        self.metrics: dict[str, float] = {}

    def propose(self) -> list[Pair]:
        """What to ask about next: pairs of candidates by the rule, the random share among them."""
        settings, self.round = self.settings, self.round + 1
        first = self.model is None  # nothing is known yet
        number = settings.refresh if first else settings.refresh * settings.considered
        prompts = self.chance.sample(self.prompts, number)
        groups = self._candidates(prompts, first=first)
        kept = [(prompt, group) for prompt, group in zip(prompts, groups, strict=True) if len(group) > 1]
        chosen = choose_round(
            self._rewards([group for _, group in kept]),
            sizes=[2] * len(kept),
            rule=Rule.RANDOM if first else settings.rule,
            budget=min(settings.refresh, len(kept)),
            random_share=settings.random_share,
            generator=self._generator(1),
        )
        pairs: list[Pair] = []
        for each in chosen:
            prompt, group = kept[each.prompt]
            first_one, second_one = (group[place] for place in each.chosen)
            pairs.append((prompt, first_one, second_one, each.propensity))
        return pairs

    def learn(self, judgements: Sequence[Judgement]) -> None:
        """Refresh the reward model on all judgements so far, then let the policy learn from it."""
        self.refresh(judgements)
        self.improve()

    def refresh(self, judgements: Sequence[Judgement]) -> None:
        """Fit heads to all judgements so far."""
        settings = self.settings
        config = RewardModelConfig(
            ties="drop",
            features="frozen",
            members=settings.members,
            prior_deviation=settings.prior_deviation,
        )
        self.model = RewardModel(self.backbone, config, adapter=f"reward/{self.name}")
        fitted = fit_heads(self.model, judgements, seed=self.seed * 1000 + self.round)
        self.metrics = {f"reward/{key}": value for key, value in fitted.metrics.items()}

    def improve(self) -> None:
        """Let the policy go on from where it is, on rewards that are the mean less so many deviations."""
        settings = self.settings
        config = ReinforceConfig(
            beta=settings.beta,
            completions_per_prompt=settings.rollouts,
            max_new_tokens=MAX_NEW_TOKENS,
            missing_eos_penalty=2.0,
        )
        method = Reinforce(self.backbone, config, reward=self.pessimistic, adapter=self.name, seed=self.seed)
        trainer = TrainerConfig(
            steps=settings.policy_steps,
            batch_size=settings.rollout_prompts,
            micro_batch_tokens=16_384,
            lr=settings.policy_lr,
            schedule="constant",
            seed=self.seed * 1000 + self.round,
        )
        prompts = [to_prompt(prompt) for prompt in self.prompts]
        self.metrics |= train(method, prompts, trainer).metrics

    def member_rewards(self, encoded: Sequence[Encoded]) -> Tensor:
        """By each member, nats, (N, members)."""
        assert self.model is not None, "a refresh comes first"
        return self.model.member_rewards(encoded)

    def pessimistic(self, encoded: Sequence[Encoded]) -> Tensor:
        """The members' mean less lambda times the deviation of each completion's lead, nats, (N,)."""
        rewards, groups = self.member_rewards(encoded), prompt_numbers(encoded)
        return Ensemble.pessimistic(rewards, deviations=self.settings.pessimism, groups=groups)

    def write(self, prompts: Sequence[str], *, completions: int, seed: int) -> list[list[Sampled]]:
        """What the policy writes now."""
        return write(self.backbone, prompts, adapter=self.name, completions=completions, seed=seed)

    def _candidates(self, prompts: Sequence[str], *, first: bool) -> list[list[Sampled]]:
        """Different completions of each prompt, by the policies of the pool."""
        settings, seed = self.settings, self.seed * 100_000 + self.round
        by_base = settings.candidates if first else round(settings.from_base * settings.candidates)
        found: list[list[Sampled]] = [[] for _ in prompts]
        for adapter, count in ((None, by_base), (self.name, settings.candidates - by_base)):
            if count:
                written = write(self.backbone, prompts, adapter=adapter, completions=count, seed=seed)
                found = [[*group, *more] for group, more in zip(found, written, strict=True)]
        return [list({each.text: each for each in group if each.text}.values()) for group in found]

    def _rewards(self, groups: Sequence[Sequence[Sampled]]) -> list[Tensor]:
        """By each member, of the candidates of each prompt."""
        if self.model is None:
            return [torch.zeros(len(group), 1) for group in groups]
        together = self.member_rewards([each.encoded() for group in groups for each in group])
        return list(together.split([len(group) for group in groups]))

    def _generator(self, offset: int) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self.round * 101 + offset)
