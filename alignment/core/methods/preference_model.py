"""P(y beats y' | x): a preference of two arguments, which may go round in circles as no reward can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.config import PreferenceModelConfig
from alignment.core.heads import PairEnsemble
from alignment.core.methods.base import Mean
from alignment.core.methods.forward import by_completion, distinct
from alignment.core.methods.judged import Judged, agreement, comparisons_of
from alignment.core.methods.judgement_model import JudgementModel
from alignment.core.methods.ties import expected_outcome, outcome_loss, without_impossible_ties
from alignment.core.records import Judgement, Prompt
from alignment.core.text import Encoded


class PreferenceModel(JudgementModel):
    """Score `preference` x the likelihood of comparisons, ties among them (Munos et al., 2023).

    d(y, y') = -d(y', y) is a `PairHead` on the hidden states of the completions' last tokens, on the adapter
    ``preference``; of several heads each learns by itself. Each comparison of a ranking is weighted 1/C(K,2).

    P(y beats y') = P(win) + P(tie) / 2, so P(y beats y') + P(y' beats y) = 1; sigmoid(d) where there are no ties.

    Args:
        seed: of the head's first weights.
    """

    name, role, config_kind = "preference_model", "preference", PreferenceModelConfig
    needs = "ranks of two or more completions, and other than ties when ties is 'drop'"
    config: PreferenceModelConfig
    head: PairEnsemble

    def __init__(
        self, backbone: Backbone, config: PreferenceModelConfig, *, adapter: str = "preference", seed: int = 0
    ) -> None:
        head = PairEnsemble(backbone.hidden_size, config.members, rank=config.rank, seed=seed)
        super().__init__(backbone, config, head=head, adapter=adapter, seed=seed)

    def mass(self, judgement: Judgement) -> float:
        """The weight of its comparisons."""
        return self.pair_mass(judgement)

    def loss(self, states: Tensor, units: Sequence[Judged]) -> tuple[Tensor, dict[str, Mean]]:
        """Of the comparisons, in mean over the heads."""
        kind, logit = self.config.ties, self.tie_logit
        pairs = without_impossible_ties(comparisons_of(units, device=states.device), kind=kind, logit=logit)
        differences = self.head(states[pairs.first], states[pairs.second])  # (P, members)
        totals = [
            (pairs.weight * outcome_loss(each, pairs.outcome, kind=kind, logit=logit)).sum()
            for each in differences.unbind(-1)
        ]
        lead = differences.detach().mean(-1) * pairs.outcome
        return torch.stack(totals).mean(), agreement(lead[pairs.outcome != 0])

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave, of a model of before there were several heads too."""
        head = {
            name if name.startswith("members.") else f"members.0.{name}": each for name, each in state["head"].items()
        }
        super().load_state_dict({**state, "head": head})

    # --- the preferences

    @torch.no_grad()
    def compare(self, first: Sequence[Encoded], second: Sequence[Encoded]) -> Tensor:
        """P(first beats second) of completions as token ids, pair by pair, float32, (N,): the mean of the heads.

        What Nash-MD learns from. Raises: see member_preferences.
        """
        return self.member_preferences(first, second).mean(1)

    @torch.no_grad()
    def member_preferences(self, first: Sequence[Encoded], second: Sequence[Encoded]) -> Tensor:
        """The same by each head, (N, members). A completion that stands in many pairs is read once.

        Raises:
            ValueError: the numbers of completions differ, or a pair has two prompts.
        """
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            if one.prompt_ids != other.prompt_ids:
                raise ValueError(f"pair {number} has completions of two prompts; compare completions of one prompt")
        once, places = distinct([*first, *second])
        rows = by_completion(self.backbone, once, adapter=self.adapter, compute=self.backbone.last_hidden)
        states = torch.stack(rows).to(self.backbone.device)  # (M, d)
        index = torch.tensor(places, device=states.device)
        differences = self.head(states[index[: len(first)]], states[index[len(first) :]])
        found = [expected_outcome(each, kind=self.config.ties, logit=self.tie_logit) for each in differences.unbind(-1)]
        return torch.stack(found, dim=1)

    def probabilities(self, pairs: Sequence[tuple[Prompt, str, str]]) -> Tensor:
        """P(first beats second), ties counted half, of two completions of each prompt, float32, (N,)."""
        encoded = [self.backbone.template.encode(prompt, [first, second]) for prompt, first, second in pairs]
        return self.compare([one for one, _ in encoded], [other for _, other in encoded])
