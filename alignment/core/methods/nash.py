"""Nash-MD: learning from preferences themselves, as a game of the policy against a mixture of policies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.config import NashMDConfig
from alignment.core.methods.forward import distinct
from alignment.core.methods.policy_gradient import PolicyGradient
from alignment.core.methods.rollouts import Reward, Rollout, draw
from alignment.core.model.adapter_files import tensors_digest
from alignment.core.records import Message, Prompt
from alignment.core.rollout import GeometricMixture, LocalSampler, Sampled, Sampler
from alignment.core.running.processes import on_first
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.text import Encoded

PAST = "past/"
"""What the names of the adapters of past policies start with."""

Preference = Callable[[Sequence[Encoded], Sequence[Encoded]], Tensor]
"""P(first beats second) of completions given as token ids, pair by pair, in [0, 1], (N,): `PreferenceModel.compare`."""


def preference_of(reward: Reward) -> Preference:
    """The Bradley-Terry preference of a reward, sigmoid(r(y) - r(y')); it is transitive, so it holds no cycles."""

    def compare(first: Sequence[Encoded], second: Sequence[Encoded]) -> Tensor:
        once, places = distinct([*first, *second])
        rewards = reward(once).float()[places]
        return torch.sigmoid(rewards[: len(first)] - rewards[len(first) :])

    return compare


@dataclass(frozen=True)
class PastPolicies:
    """A sampler that is a mixture of policies in equal shares: one of them, drawn for each prompt, writes for it.

    ``adapters`` are names, and None for the reference policy.
    """

    backbone: Backbone
    adapters: tuple[str | None, ...]

    def sample(
        self, prompts: Sequence[Sequence[Message]], *, settings: SamplingSettings, generator: torch.Generator
    ) -> list[list[Sampled]]:
        """See ``Sampler``."""
        drawn = torch.randint(len(self.adapters), (len(prompts),), generator=generator).tolist()
        results: list[list[Sampled]] = [[] for _ in prompts]
        for number, adapter in enumerate(self.adapters):
            places = [place for place, chosen in enumerate(drawn) if chosen == number]
            sampler = LocalSampler(self.backbone, adapter)
            written = sampler.sample([prompts[place] for place in places], settings=settings, generator=generator)
            for place, completions in zip(places, written, strict=True):
                results[place] = completions
        return results


class NashMD(PolicyGradient[NashMDConfig]):
    """The policy gradient of Nash-MD, summed over tokens, in mean over completions (Munos et al., 2023).

    grad log pi(y_t) A_t,   A_t = P(y beats y') - 1/2 - beta sum_{s >= t} (log pi(y_s) - log pi_ref(y_s))

    with y from the policy and y' from the opponent: the policy mixed with the reference, token by token in proportion
    to pi^(1 - mixture) pi_ref^mixture, or one of the past policies. The KL is a reward-to-go, so the gradient is that
    of P(pi beats pi') - beta KL(pi || pi_ref) with the opponent held fixed. Where it is 0,
    pi = pi_ref e^{P(y beats pi') / beta} / Z: with mixture 0 the equilibrium of the game with that KL for both players,
    with more of the reference a point between it and the best response to the reference.

    Past policies stand still during a run: over the runs of a loop they make it fictitious play.

    Args:
        preference: compares completions, without gradient.
        sampler: what writes the rollouts; the policy's own backbone by default. Its log-probabilities are never used.
        opponent: what writes the opponent's completions, in place of what `config.opponent` says.
        past: adapters of past policies, None for the reference; all adapters called past/... by default.

    Raises:
        ValueError: the opponents are past policies and there are none.
    """

    name = "nash_md"

    def __init__(
        self,
        backbone: Backbone,
        config: NashMDConfig,
        *,
        preference: Preference,
        sampler: Sampler | None = None,
        opponent: Sampler | None = None,
        past: Sequence[str | None] | None = None,
        adapter: str = "policy",
        seed: int = 0,
    ) -> None:
        super().__init__(backbone, config, sampler=sampler, adapter=adapter, seed=seed)
        self.preference = preference
        self.past: tuple[str | None, ...] = ()
        if opponent is None and config.opponent == "past":
            named = [name for name in backbone.adapters if name.startswith(PAST)]
            self.past = tuple(named if past is None else past)
            if not self.past:
                raise ValueError(
                    "opponent is 'past' and there is no past policy; load one as an adapter called past/<version>, "
                    "name the reference with past=[None], or set opponent to 'mixture'"
                )
        self.opponent = opponent or self._opponent()

    def settings(self) -> dict[str, Any]:
        """What the result depends on, the weights of the past policies by their digest."""
        past = {name or "reference": _digest(self.backbone, name) for name in self.past}
        return super().settings() | {"past": past}

    def roll_out(
        self, batch: Sequence[Prompt], *, generator: torch.Generator
    ) -> tuple[list[Rollout], dict[str, float]]:
        """Completions of the batch, each compared with all that the opponent wrote for its prompt."""
        config = self.config
        sampling = SamplingSettings(
            num_completions=config.completions_per_prompt,
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
        )
        theirs = self.opponent.sample(batch, settings=sampling, generator=generator)
        opponents = [[each.encoded() for each in completions] for completions in theirs]
        preferences: list[Tensor] = []

        def lead(encoded: Sequence[Encoded]) -> Tensor:
            preferences.append(self._preferences(encoded, opponents))
            return preferences[0] - 0.5

        drawn = draw(
            self.backbone,
            batch,
            sampler=self.sampler,
            reward=lead,
            adapter=self.adapter,
            settings=config,
            generator=generator,
        )
        metrics = drawn.metrics() | {"preference": float(preferences[0].mean())}
        return drawn.rewarded(drawn.scores, beta=config.beta), metrics

    def _opponent(self) -> Sampler:
        if self.past:
            return PastPolicies(self.backbone, self.past)
        if self.config.mixture == 0:
            return LocalSampler(self.backbone, self.adapter)
        return LocalSampler(self.backbone, self.adapter, GeometricMixture(None, self.config.mixture))

    def _preferences(self, encoded: Sequence[Encoded], opponents: Sequence[Sequence[Encoded]]) -> Tensor:
        """Mean preference of each completion over its prompt's opponents, (N,); as many completions to each prompt."""
        each = len(encoded) // len(opponents)
        pairs = [(one, other) for n, one in enumerate(encoded) for other in opponents[n // each]]
        said = self.preference([one for one, _ in pairs], [other for _, other in pairs]).float().cpu()
        found = on_first(lambda: said)
        if found.shape != (len(pairs),):
            raise ValueError(f"the preference gave {tuple(found.shape)} for {len(pairs)} pairs")
        wrong = ~((found >= 0) & (found <= 1))
        if bool(wrong.any()):
            raise ValueError(f"the preference gave {found[wrong][0].item()}; a probability is from 0 to 1")
        return found.reshape(len(encoded), -1).mean(1)


def _digest(backbone: Backbone, name: str | None) -> str:
    """Of an adapter's weights; of the base, its own."""
    return backbone.digest if name is None else tensors_digest(backbone.named_parameters(name))
