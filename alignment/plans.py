"""Everything that a run is set to, as one value that a form can check, a row can keep and the worker can follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from alignment.core.config import (
    DirectConfig,
    InvalidSetting,
    LoraSettings,
    NashMDConfig,
    PPOConfig,
    PreferenceModelConfig,
    ReinforceConfig,
    RewardModelConfig,
    SFTConfig,
    TrainerConfig,
)
from alignment.core.config_data import BestOfNConfig
from alignment.core.fields import Settings, choice, real, whole


@dataclass(frozen=True, kw_only=True)
class SamplingConfig(Settings):
    """What the served policy writes for the queue at the end of a run."""

    prompts: int = whole(20, low=0, high=10_000)
    """Prompts to write for; 0: none."""
    completions: int = whole(4, low=2, high=9)
    """K: completions of each prompt."""
    temperature: float = real(1.0, low=0, above=True, high=10)
    """Of sampling; top_k is 0 and top_p is 1, so that log-probabilities are the policy's own."""
    max_new_tokens: int = whole(64, low=1, high=32_768)
    """Tokens that a completion may have."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig(Settings):
    """How a new policy is compared with its parent and with the base, on held-out prompts."""

    prompts: int = whole(64, low=1, high=10_000)
    """Held-out prompts at most; with fewer than two, training prompts stand in and the page says so."""
    completions: int = whole(2, low=1, high=16)
    """Completions of each prompt; their mean reward is the prompt's."""
    second_share: int = whole(0, low=0, high=50)
    """Per cent of the training prompts whose judgements only the second reward model learns from, which guards the gate
    (Bai et al., 2022: half)."""
    second_least: int = whole(8, low=2)
    """Judgements below which nothing is set aside for it."""


@dataclass(frozen=True, kw_only=True)
class StartConfig(Settings):
    """What policy training starts from, and how far it may go."""

    weights: str = choice("base", "parent", "sft")
    """base: the base model anew, on all judgements; parent: the served policy goes on; sft: the base is fine-tuned on
    the demonstrations first, where there are enough of them. The reference is the base."""
    least_demonstrations: int = whole(20, low=1)
    """Demonstrations below which sft starts from the base: fewer teach it their words and no manner."""
    kl_budget: float | None = real(None, low=0, above=True, optional=True)
    """Nats per completion from the reference at 1,000 judgements, growing with their root; None: no limit."""


@dataclass(frozen=True, kw_only=True)
class RewardsConfig(Settings):
    """Where the rewards of policy training come from."""

    model: str = choice("current", "own")
    """current: the project's reward model where it has seen all judgements of the run, else one that the run trains and
    that becomes the current one; own: one that the run trains for itself."""
    pessimism: float = real(0.0, low=0, high=100)
    """Lambda: rewards are the mean of the heads less so many of their standard deviations (Coste et al., 2023)."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The settings of a run, section by section."""

    reward_trainer: TrainerConfig = field(default_factory=TrainerConfig)
    reward_model: RewardModelConfig = field(default_factory=RewardModelConfig)
    preference_model: PreferenceModelConfig = field(default_factory=PreferenceModelConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    sft: SFTConfig = field(default_factory=SFTConfig)
    direct: DirectConfig = field(default_factory=DirectConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    reinforce: ReinforceConfig = field(default_factory=ReinforceConfig)
    nash_md: NashMDConfig = field(default_factory=NashMDConfig)
    best_of_n: BestOfNConfig = field(default_factory=BestOfNConfig)
    rewards: RewardsConfig = field(default_factory=RewardsConfig)
    lora: LoraSettings = field(default_factory=LoraSettings)
    start: StartConfig = field(default_factory=StartConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain JSON values."""
        return {each.name: getattr(self, each.name).to_dict() for each in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Mapping[str, Any]]) -> Self:
        """Settings from plain values; what is not named keeps its default.

        Raises:
            InvalidSetting: a section or a key that does not exist, or a value out of its range.
        """
        return cls().changed(values)

    def changed(self, values: Mapping[str, Mapping[str, Any]]) -> Self:
        """The same with other values in some sections.

        Raises:
            InvalidSetting: see from_dict.
        """
        sections = {each.name: getattr(self, each.name) for each in fields(self)}
        for section, given in values.items():
            if section not in sections:
                raise InvalidSetting(section, f"a run has no section {section!r}; there are {', '.join(sections)}")
            if not isinstance(given, Mapping):
                raise InvalidSetting(section, f"section {section!r} is {given!r}; it must be settings by name")
            old = sections[section]
            sections[section] = type(old).from_dict({**old.to_dict(), **given})
        return type(self)(**sections)

    def seeded(self, seed: int) -> Self:
        """The same with one seed for all training."""
        return replace(
            self,
            reward_trainer=replace(self.reward_trainer, seed=seed),
            trainer=replace(self.trainer, seed=seed),
        )


def parse_assignments(lines: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Settings written as ``section.name=value``, the value as JSON or as plain text.

    Raises:
        InvalidSetting: a line of another form.
    """
    values: dict[str, dict[str, Any]] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        section, point, key = name.strip().partition(".")
        if not (equals and point and section and key):
            raise InvalidSetting(
                name.strip(), f"{line!r} is no setting: write section.name=value, as in trainer.lr=1e-4"
            )
        values.setdefault(section, {})[key] = _value(value.strip())
    return values


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {"none": None, "yes": True, "no": False}.get(text.lower(), text)


SMALL = Plan(
    # A model of some million parameters learns little from one pass over tens of judgements; several passes over
    # these few take seconds. Tried on the demo model with the simulated annotator's true reward, K = 4: lr 1e-3
    # fits the training rankings and no others (reward accuracy 0.63 against 0.68 with 3e-4; DPO gains less at six
    # times the KL). Three rounds of 24 rankings raised it from -1.09 to 0.12 on unseen prompts (1.21 +- 0.39).
    reward_trainer=TrainerConfig(epochs=8, batch_size=8, lr=3e-4, warmup_steps=2),
    trainer=TrainerConfig(epochs=8, batch_size=8, lr=5e-4, warmup_steps=5),
    direct=DirectConfig(beta=0.2),  # 0.05 gains as much true reward, at three times the KL
    ppo=PPOConfig(epochs=4, completions_per_prompt=4, max_new_tokens=64),
)
SMALL_EXAMPLES = 1200
"""Judgements, each pass counted, after which a small model has seen enough: thousands are gone through once."""


SMALL_ROLLOUT_STEPS = 20
"""Batches of rollouts. On the demo model the rollouts' reward went from -0.1 to 2.4 in 20 steps, at a KL of 5 to 10
nats, and to 3.8 in 150 more at 12: these take minutes, and buy more of the reward model's mistakes."""


def for_judgements(plan: Plan, number: int) -> Plan:
    """The plan with fewer passes where there is more to learn from."""

    def passes(trainer: TrainerConfig) -> TrainerConfig:
        return replace(trainer, epochs=max(1.0, min(trainer.epochs, SMALL_EXAMPLES / max(number, 1))))

    return replace(plan, reward_trainer=passes(plan.reward_trainer), trainer=passes(plan.trainer))


LARGE = Plan(
    reward_trainer=TrainerConfig(epochs=1, batch_size=64, lr=1e-4, warmup_steps=10),
    trainer=TrainerConfig(epochs=1, batch_size=64, lr=5e-5, warmup_steps=10),
    ppo=PPOConfig(max_new_tokens=256),
    reinforce=ReinforceConfig(max_new_tokens=256),
    nash_md=NashMDConfig(max_new_tokens=256),
    best_of_n=BestOfNConfig(max_new_tokens=256),
    sampling=SamplingConfig(max_new_tokens=256),
)
PRESETS = {"small": SMALL, "large": LARGE}
