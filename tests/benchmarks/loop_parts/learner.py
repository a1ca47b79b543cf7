"""The learner of the benchmark: the loop's three steps on the core, in memory. It never sees who judges, nor the truth.

Each round: a pool of policies writes candidates, a rule chooses what to ask about, and after the answers a pessimistic
ensemble is fitted to all of them and the policy learns from as many rollouts as one likes.
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
from alignment.core.methods.reinforce import Reinforce
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement, Prompt
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
    members: int = 4
    """Reward models, each on features of its own: heads on shared ones agree about texts that nobody has judged."""
    renewed: int = 2
    """Members that are fitted anew at a refresh, in turn."""
    pessimism: float = 1.0
    reward_lr: float = 3e-3
    reward_examples: int = 3000
    """Judgements gone through at a refresh, each pass counted."""
    most_epochs: float = 2.0
    beta: float = 0.4
    """With 0.1 the policy left what the members had seen: completions of one word, at 5 nats."""
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
        self.name = f"policy/{seed}/{id(self)}"
        self.models: dict[int, RewardModel] = {}
        self.next_member = 0
        self.chance = random.Random(f"{seed} learner")
        backbone.add_adapter(self.name)
        self.rewards_of = [f"reward/{number}/{self.name}" for number in range(settings.members)]
        for name in self.rewards_of:
            backbone.add_adapter(name)
        parameters = backbone.named_parameters(self.name)
        self.untrained = {name: tensor.detach().clone() for name, tensor in parameters.items()}
        self.plain = self._plain_texts()
        self.metrics: dict[str, float] = {}

    def propose(self) -> list[Pair]:
        """What to ask about next: pairs of candidates by the rule, the random share among them."""
        settings, self.round = self.settings, self.round + 1
        first = not self.models  # nothing is known yet
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
        """Fit the members whose turn it is anew, from the base; all of them at first."""
        settings = self.settings
        count = settings.renewed if self.models else settings.members
        for _ in range(count):
            number, self.next_member = self.next_member, (self.next_member + 1) % settings.members
            self.models[number] = self._fitted(number, judgements)

    def _fitted(self, number: int, judgements: Sequence[Judgement]) -> RewardModel:
        settings, seed = self.settings, (self.seed * 1000 + self.round) * 100 + number
        name = self.rewards_of[number]
        self.backbone.load_parameters(name, self.untrained)
        model = RewardModel(self.backbone, RewardModelConfig(ties="drop"), adapter=name, seed=seed)
        epochs = max(1.0, min(settings.most_epochs, settings.reward_examples / len(judgements)))
        trainer = TrainerConfig(epochs=epochs, batch_size=16, lr=settings.reward_lr, warmup_steps=5, seed=seed)
        self.metrics = {f"reward/{key}": value for key, value in train(model, judgements, trainer).metrics.items()}
        model.normalise(self.plain)  # members that are at 0 for the base differ by what they think of a text
        return model

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
        return torch.cat([model.member_rewards(encoded) for model in self.models.values()], dim=1)

    def pessimistic(self, encoded: Sequence[Encoded]) -> Tensor:
        """The members' mean less lambda times their deviation, nats, (N,)."""
        return Ensemble.pessimistic(self.member_rewards(encoded), deviations=self.settings.pessimism)

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
        if not self.models:
            return [torch.zeros(len(group), 1) for group in groups]
        together = self.member_rewards([each.encoded() for group in groups for each in group])
        return list(together.split([len(group) for group in groups]))

    def _plain_texts(self) -> list[tuple[Prompt, str]]:
        """Samples of the base."""
        prompts = self.chance.sample(self.prompts, min(64, len(self.prompts)))
        written = write(self.backbone, prompts, adapter=None, completions=2, seed=self.seed)
        return [
            (to_prompt(prompt), each.text) for prompt, group in zip(prompts, written, strict=True) for each in group
        ]

    def _generator(self, offset: int) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self.round * 101 + offset)
