"""P(y beats y' | x): a preference of two arguments, which may go round in circles as no reward can."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.config import PreferenceModelConfig
from alignment.core.heads import PairHead
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
    ``preference``. Each comparison of a ranking is weighted 1/C(K,2).

    P(y beats y') = P(win) + P(tie) / 2, so P(y beats y') + P(y' beats y) = 1; sigmoid(d) where there are no ties.

    Args:
        seed: of the head's first weights.
    """

    name, role, config_kind = "preference_model", "preference", PreferenceModelConfig
    needs = "ranks of two or more completions, and other than ties when ties is 'drop'"
    config: PreferenceModelConfig
    head: PairHead

    def __init__(
        self, backbone: Backbone, config: PreferenceModelConfig, *, adapter: str = "preference", seed: int = 0
    ) -> None:
        head = PairHead(backbone.hidden_size, rank=config.rank, seed=seed)
        super().__init__(backbone, config, head=head, adapter=adapter, seed=seed)

    def mass(self, judgement: Judgement) -> float:
        """The weight of its comparisons."""
        return self.pair_mass(judgement)

    def loss(self, states: Tensor, units: Sequence[Judged]) -> tuple[Tensor, dict[str, Mean]]:
        """Of the comparisons."""
        kind, logit = self.config.ties, self.tie_logit
        pairs = without_impossible_ties(comparisons_of(units, device=states.device), kind=kind, logit=logit)
        difference = self.head(states[pairs.first], states[pairs.second])  # (P,)
        total = (pairs.weight * outcome_loss(difference, pairs.outcome, kind=kind, logit=logit)).sum()
        return total, agreement((difference.detach() * pairs.outcome)[pairs.outcome != 0])

    # --- the preferences

    @torch.no_grad()
    def compare(self, first: Sequence[Encoded], second: Sequence[Encoded]) -> Tensor:
        """P(first beats second) of completions as token ids, pair by pair, float32, (N,). What Nash-MD learns from.

        A completion that stands in many pairs is read once.

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
        difference = self.head(states[index[: len(first)]], states[index[len(first) :]])
        return expected_outcome(difference, kind=self.config.ties, logit=self.tie_logit)

    def probabilities(self, pairs: Sequence[tuple[Prompt, str, str]]) -> Tensor:
        """P(first beats second), ties counted half, of two completions of each prompt, float32, (N,)."""
        encoded = [self.backbone.template.encode(prompt, [first, second]) for prompt, first, second in pairs]
        return self.compare([one for one, _ in encoded], [other for _, other in encoded])
