"""A reward for each completion, learned from every kind of judgement on one linear head."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.config import RewardModelConfig
from alignment.core.heads import Ensemble
from alignment.core.likelihoods import best_of, center, ordered_logit
from alignment.core.methods.base import Mean, ParameterGroup
from alignment.core.methods.forward import by_completion
from alignment.core.methods.judged import Comparisons, Judged, Said, agreement, said_of
from alignment.core.methods.judgement_model import JudgementModel
from alignment.core.methods.ties import outcome_loss, ranking_loss, without_impossible_ties
from alignment.core.records import Judgement, Prompt
from alignment.core.text import Batch, Encoded


class RewardModel(JudgementModel):
    """Score `reward` x the likelihoods of comparisons, rankings, picks and ratings.

    The reward is a linear function of the last hidden state of a completion's last token, on the adapter ``reward``.
    With frozen features it is one of two states of the base, that of the last token and the sum of those that predict
    the tokens, so that each token may add to it; ``posterior.fit_heads`` fits it then.

    Args:
        seed: of the head's first weights.
    """

    name, role, config_kind = "reward_model", "reward", RewardModelConfig
    needs = "ranks that are not all tied, or a weight above 0 for the kind of judgement there is"
    config: RewardModelConfig
    head: Ensemble

    def __init__(
        self, backbone: Backbone, config: RewardModelConfig, *, adapter: str = "reward", seed: int = 0
    ) -> None:
        self.is_frozen = config.features == "frozen"
        width = backbone.hidden_size * (2 if self.is_frozen else 1)
        head = Ensemble(width, config.members, seed=seed)
        super().__init__(backbone, config, head=head, adapter=adapter, seed=seed)
        steps = torch.full((6,), math.log(math.e - 1))  # softplus gives cuts one nat apart, their middle at 0
        steps[0] = -2.5
        self.cuts = torch.nn.Parameter(steps.to(backbone.device))

    def own_parameters(self) -> list[torch.nn.Parameter]:
        """The heads and the cuts between ratings."""
        return [*super().own_parameters(), self.cuts]

    def mass(self, judgement: Judgement) -> float:
        """The weights of all that was said and is learned from."""
        config = self.config
        return (
            config.comparison_weight * self.pair_mass(judgement)
            + config.ranking_weight * judgement.weight * (judgement.ranks is not None)
            + config.best_weight * judgement.weight * (judgement.best is not None)
            + config.rating_weight * judgement.weight * any(r is not None for r in judgement.ratings or ())
        )

    def read(self, batch: Batch) -> Tensor:
        """The last state, and with frozen features the sum of all that predict a token beside it, (N, d) or (N, 2d)."""
        if not self.is_frozen:
            return super().read(batch)
        states = self.backbone.states(batch)  # (B*T, d)
        predicting = states[batch.index].float() * batch.mask[..., None]  # (N, L, d)
        return torch.cat([states[batch.last].float(), predicting.sum(1)], dim=1)

    def parameter_groups(self) -> list[ParameterGroup]:
        """The adapter and the heads.

        Raises:
            ValueError: features are frozen.
        """
        if self.is_frozen:
            raise ValueError("a reward model with frozen features is not trained step by step: fit it with fit_heads")
        return super().parameter_groups()

    def loss(self, states: Tensor, units: Sequence[Judged]) -> tuple[Tensor, dict[str, Mean]]:
        """In mean over the heads."""
        rewards = self.head(states)  # (N, members)
        said = said_of(units, device=rewards.device)
        totals = [self.loss_of(rewards[:, member], said) for member in range(self.config.members)]
        mean = rewards.detach().mean(1)
        pairs = said.pairs.winners_first()
        metrics = agreement(mean[pairs.first] - mean[pairs.second])
        return torch.stack(totals).mean(), metrics | {"reward": (mean.sum(), len(mean))}

    def state_dict(self) -> dict[str, Any]:
        """The cuts between ratings as well."""
        return {**super().state_dict(), "cuts": self.cuts.detach()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        super().load_state_dict(state)
        with torch.no_grad():
            self.cuts.copy_(state["cuts"])

    # --- the loss

    def judgement_loss(self, rewards: Tensor, units: Sequence[Judged]) -> Tensor:
        """Weighted negative log-likelihood, in nats, of all that was said about the completions, summed.

        Args:
            rewards: of one head, (N,), N the completions of all units one after the other.
        """
        return self.loss_of(rewards, said_of(units, device=rewards.device))

    def loss_of(self, rewards: Tensor, said: Said) -> Tensor:
        """The same of what was said as tensors."""
        config = self.config
        total = rewards.new_zeros(())
        if config.comparison_weight:
            total = total + config.comparison_weight * self._comparison_loss(rewards, said.pairs)
        if config.ranking_weight:
            ranked, kind = said.ranked, config.ranking_ties
            each = ranking_loss(rewards[ranked.index], ranked.label, ranked.mask, kind=kind, logit=self.tie_logit)
            total = total + config.ranking_weight * (ranked.weight * each).sum()
        if config.best_weight:
            each = best_of(rewards[said.picked.index], said.picked.label, said.picked.mask)
            total = total + config.best_weight * (said.picked.weight * each).sum()
        if config.rating_weight:
            each = ordered_logit(rewards[said.rated.index], said.rated.rating, self.rating_cuts())
            total = total + config.rating_weight * (said.rated.weight * each).sum()
        if config.centre:
            each = center(rewards[said.ranked.index], said.ranked.mask)
            total = total + config.centre * (said.ranked.weight * each).sum()
        return total

    def rating_cuts(self) -> Tensor:
        """The six increasing cuts between the seven ratings, in nats."""
        steps = torch.cat([self.cuts[:1], torch.nn.functional.softplus(self.cuts[1:])])
        return steps.cumsum(0)

    def _comparison_loss(self, rewards: Tensor, pairs: Comparisons) -> Tensor:
        kind = self.config.ties
        pairs = without_impossible_ties(pairs, kind=kind, logit=self.tie_logit)
        difference = rewards[pairs.first] - rewards[pairs.second]
        difference = difference - self.config.margin * pairs.gap * pairs.outcome  # (P,)
        return (pairs.weight * outcome_loss(difference, pairs.outcome, kind=kind, logit=self.tie_logit)).sum()

    # --- the rewards

    def member_rewards(self, encoded: Sequence[Encoded]) -> Tensor:
        """Rewards by each head, float32, (N, members), in the order given."""
        with torch.no_grad():
            rewards: Tensor = self.head(self.features(encoded).to(self.backbone.device))
        return rewards.cpu()

    def features(self, encoded: Sequence[Encoded]) -> Tensor:
        """What the heads see, float32, on the CPU, without gradient, (N, d), or (N, 2d) where features are frozen."""
        adapter = None if self.is_frozen else self.adapter
        rows = by_completion(self.backbone, encoded, adapter=adapter, compute=self.read)
        return torch.stack(rows)

    def score(self, encoded: Sequence[Encoded]) -> Tensor:
        """Rewards of completions as token ids, float32, (N,): the mean of the heads. What PPO learns from."""
        return self.member_rewards(encoded).mean(dim=1)

    def rewards(self, completions: Sequence[tuple[Prompt, str]]) -> Tensor:
        """Rewards of completions, float32, (N,), in the order given."""
        return self.score(self._encode(completions))

    def disagreement(self, completions: Sequence[tuple[Prompt, str]]) -> Tensor:
        """Standard deviation of the heads' rewards, float32, (N,); needs `members` of 2 or more.

        Raises:
            ValueError: there is one head only.
        """
        if self.config.members < 2:
            raise ValueError("a reward model with members = 1 cannot disagree with itself; set members to 2 or more")
        return self.member_rewards(self._encode(completions)).std(dim=1)

    def normalise(self, completions: Sequence[tuple[Prompt, str]], *, unit_variance: bool = False) -> None:
        """Shift rewards so that these completions, samples of the reference policy, have mean 0 by every head.

        Args:
            unit_variance: make their standard deviation 1 as well (Ziegler et al., 2019).

        Raises:
            ValueError: fewer than two completions.
        """
        if len(completions) < 2:
            raise ValueError(f"{len(completions)} completions are too few to normalise rewards by; give 2 or more")
        self.head.normalise(self.member_rewards(self._encode(completions)), unit_variance=unit_variance)

    def _encode(self, completions: Sequence[tuple[Prompt, str]]) -> list[Encoded]:
        return [self.backbone.template.encode(prompt, [text])[0] for prompt, text in completions]
