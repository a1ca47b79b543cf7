"""P(y beats y' | x): a preference of two arguments, which may go round in circles as no reward can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.config import PreferenceModelConfig
from alignment.core.heads import PairHead
from alignment.core.methods.base import Loss, ParameterGroup, Update, ensure_adapter
from alignment.core.methods.forward import chunks, distinct, lay_out
from alignment.core.methods.judged import (
    Judged,
    batch_of,
    comparison_mass,
    comparisons_of,
    encode_judgements,
    num_tokens,
    win_mass,
)
from alignment.core.methods.ties import expected_outcome, outcome_loss, starting_logit, without_impossible_ties
from alignment.core.records import Judgement, Prompt
from alignment.core.text import Encoded


class PreferenceModel:
    """Score `preference` x the likelihood of comparisons, ties among them (Munos et al., 2023).

    d(y, y') = -d(y', y) is a `PairHead` on the hidden states of the completions' last tokens, on the adapter
    ``preference``. Each completion is read once, so K of them give all C(K,2) comparisons, each weighted 1/C(K,2).

    P(y beats y') = P(win) + P(tie) / 2, so P(y beats y') + P(y' beats y) = 1; sigmoid(d) where there are no ties.

    Args:
        seed: of the head's first weights.
    """

    name = "preference_model"

    def __init__(
        self, backbone: Backbone, config: PreferenceModelConfig, *, adapter: str = "preference", seed: int = 0
    ) -> None:
        self.backbone, self.config, self.adapter = backbone, config, adapter
        ensure_adapter(backbone, adapter, seed=seed)
        self.head = PairHead(backbone.hidden_size, rank=config.rank, seed=seed).to(backbone.device)
        self.tie_logit = torch.nn.Parameter(torch.tensor(-torch.inf, device=backbone.device), requires_grad=False)

    # --- what the trainer asks for

    def settings(self) -> dict[str, Any]:
        """What the result depends on."""
        return {"adapter": self.adapter, "backbone": self.backbone.digest, **self.config.to_dict()}

    def examples(self, data: Sequence[Judgement]) -> list[Judged]:
        """The judgements with ranks that say something.

        Raises:
            ValueError: there are none.
        """
        units = encode_judgements(data, template=self.backbone.template, mass=self._mass)
        if not units:
            raise ValueError(
                f"none of {len(data)} judgements says anything to a preference model with these settings: "
                "it needs ranks of two or more completions, and other than ties when ties is 'drop'"
            )
        learned = self.config.learn_tie_share
        judgements = [unit.judgement for unit in units]
        self.tie_logit.requires_grad_(learned)
        with torch.no_grad():
            self.tie_logit.copy_(starting_logit(judgements, share=self.config.tie_share, learned=learned))
        return units

    def prepare(self, examples: Sequence[Judged]) -> None:
        """Nothing."""

    def parameter_groups(self) -> list[ParameterGroup]:
        """The adapter, and the head with its tie share when that is learned."""
        own = [*self.head.parameters(), *([self.tie_logit] if self.config.learn_tie_share else [])]
        return [
            ParameterGroup(role="preference", parameters=list(self.backbone.parameters(self.adapter))),
            ParameterGroup(role="preference", parameters=own, lr_factor=self.config.head_lr_factor),
        ]

    def updates(self, batch: Sequence[Judged], *, generator: torch.Generator) -> Iterator[Update[Judged]]:
        """One step per batch, in mean over judgements by their weight."""
        yield Update(units=batch, counts={"loss": sum(self._mass(unit.judgement) for unit in batch)})

    def size(self, units: Sequence[Judged]) -> int:
        """Tokens of a forward pass."""
        return num_tokens(units)

    def losses(self, units: Sequence[Judged]) -> Iterator[Loss]:
        """Negative log-likelihood of the comparisons, nats."""
        with self.backbone.adapter(self.adapter):
            states = self.backbone.last_hidden(batch_of(units, backbone=self.backbone))  # (N, d)
            total, metrics = self._comparison_loss(states, units)
            yield Loss({"loss": total}, metrics=metrics)

    def state_dict(self) -> dict[str, Any]:
        """Adapter, head, and the tie share, which is needed to turn differences into probabilities."""
        return {
            "adapter": dict(self.backbone.named_parameters(self.adapter)),
            "head": dict(self.head.state_dict()),
            "tie_logit": self.tie_logit.detach(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.backbone.load_parameters(self.adapter, state["adapter"])
        self.head.load_state_dict(state["head"])
        with torch.no_grad():
            self.tie_logit.copy_(state["tie_logit"])

    def _comparison_loss(
        self, states: Tensor, units: Sequence[Judged]
    ) -> tuple[Tensor, dict[str, tuple[Tensor | float, float]]]:
        kind, logit = self.config.ties, self.tie_logit
        pairs = without_impossible_ties(comparisons_of(units, device=states.device), kind=kind, logit=logit)
        difference = self.head(states[pairs.first], states[pairs.second])  # (P,)
        total = (pairs.weight * outcome_loss(difference, pairs.outcome, kind=kind, logit=logit)).sum()
        lead = (difference.detach() * pairs.outcome)[pairs.outcome != 0]  # of those who won
        right = (lead > 0).float() + 0.5 * (lead == 0).float()
        return total, {"accuracy": (right.sum(), len(right)), "margin": (lead.sum(), len(right))}

    def _mass(self, judgement: Judgement) -> float:
        return win_mass(judgement) if self.config.ties == "drop" else comparison_mass(judgement)

    # --- the preferences

    def tie_share(self) -> float:
        """P(tie) of two completions that are equally good."""
        return float(torch.sigmoid(self.tie_logit.detach()))

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
        parts: list[Tensor] = []
        with self.backbone.inference(self.adapter):
            for chunk in chunks(once):
                parts.append(self.backbone.last_hidden(lay_out(self.backbone, chunk)))
        states = torch.cat(parts)  # (M, d)
        index = torch.tensor(places, device=states.device)
        difference = self.head(states[index[: len(first)]], states[index[len(first) :]])
        return expected_outcome(difference, kind=self.config.ties, logit=self.tie_logit)

    def probabilities(self, pairs: Sequence[tuple[Prompt, str, str]]) -> Tensor:
        """P(first beats second), ties counted half, of two completions of each prompt, float32, (N,)."""
        encoded = [self.backbone.template.encode(prompt, [first, second]) for prompt, first, second in pairs]
        return self.compare([one for one, _ in encoded], [other for _, other in encoded])
