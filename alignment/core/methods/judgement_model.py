"""What a reward model and a preference model share: an adapter, a head on its states, and comparisons with ties."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from alignment.core.backbone import Backbone
from alignment.core.config import PreferenceModelConfig, RewardModelConfig
from alignment.core.methods.base import Loss, Mean, ParameterGroup, Update, ensure_adapter, require_records
from alignment.core.methods.judged import Judged, batch_of, comparison_mass, encode_judgements, num_tokens, win_mass
from alignment.core.methods.ties import starting_logit
from alignment.core.records import Judgement
from alignment.core.text import Batch


class JudgementModel(ABC):
    """A head on the hidden states of the completions' last tokens, learned from what people said about them.

    Each completion is read once, behind one copy of its prompt, so K of them give all C(K,2) comparisons.

    Attributes:
        name: of the method.
        role: of its parameters (gradients are clipped by role), and the name of its adapter unless told otherwise.
        needs: what a judgement must have to teach anything, for the error when none has it.
        tie_logit: of P(tie) of two completions that are equally good; -inf, no ties, before the data is known.
    """

    name: str
    role: str
    needs: str

    def __init__(
        self,
        backbone: Backbone,
        config: RewardModelConfig | PreferenceModelConfig,
        *,
        head: nn.Module,
        adapter: str,
        seed: int,
    ) -> None:
        self.backbone, self.config, self.adapter = backbone, config, adapter
        ensure_adapter(backbone, adapter, seed=seed)
        self.head = head.to(backbone.device)
        never = torch.tensor(-torch.inf, device=backbone.device)
        self.tie_logit = nn.Parameter(never, requires_grad=config.learn_tie_share)

    # --- what each of them says

    @abstractmethod
    def mass(self, judgement: Judgement) -> float:
        """What the judgement weighs in the loss; 0 when it says nothing to it."""

    @abstractmethod
    def loss(self, states: Tensor, units: Sequence[Judged]) -> tuple[Tensor, dict[str, Mean]]:
        """The summed loss in nats, and detached metrics, of the completions' last hidden states, (N, d)."""

    def own_parameters(self) -> list[nn.Parameter]:
        """Those beside the adapter, the tie share left out."""
        return list(self.head.parameters())

    def read(self, batch: Batch) -> Tensor:
        """What the head sees of each completion, (N, d)."""
        return self.backbone.last_hidden(batch)

    # --- what the trainer asks for

    def settings(self) -> dict[str, Any]:
        """What the result depends on."""
        return {"adapter": self.adapter, "backbone": self.backbone.digest, **self.config.to_dict()}

    def examples(self, data: Sequence[Judgement]) -> list[Judged]:
        """The judgements that say something to the loss; sets the share of ties to start from.

        Raises:
            ValueError: there are none.
            TypeError: something is no judgement.
        """
        require_records(self.name, data, Judgement)
        units = encode_judgements(data, template=self.backbone.template, mass=self.mass)
        if not units:
            kind = self.name.replace("_", " ")
            raise ValueError(
                f"none of {len(data)} judgements says anything to a {kind} with these settings: it needs {self.needs}"
            )
        share, learned = self.config.tie_share, self.config.learn_tie_share
        with torch.no_grad():
            self.tie_logit.copy_(starting_logit([unit.judgement for unit in units], share=share, learned=learned))
        return units

    def prepare(self, examples: Sequence[Judged]) -> None:
        """Nothing."""
        return

    def parameter_groups(self) -> list[ParameterGroup]:
        """The adapter, and the head with its tie share when that is learned."""
        own = [*self.own_parameters(), *([self.tie_logit] if self.config.learn_tie_share else [])]
        return [
            ParameterGroup(role=self.role, parameters=self.backbone.parameters(self.adapter)),
            ParameterGroup(role=self.role, parameters=own, lr_factor=self.config.head_lr_factor),
        ]

    def updates(self, batch: Sequence[Judged], *, generator: torch.Generator) -> Iterator[Update[Judged]]:
        """One step per batch, in mean over judgements by their weight."""
        yield Update(units=batch, counts={"loss": sum(self.mass(unit.judgement) for unit in batch)})

    def size(self, units: Sequence[Judged]) -> int:
        """Tokens of a forward pass."""
        return num_tokens(units)

    def losses(self, units: Sequence[Judged]) -> Iterator[Loss]:
        """Negative log-likelihood of what was said, nats."""
        with self.backbone.adapter(self.adapter):
            total, metrics = self.loss(self.read(batch_of(units, backbone=self.backbone)), units)
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

    def tie_share(self) -> float:
        """P(tie) of two completions that are equally good."""
        return float(torch.sigmoid(self.tie_logit.detach()))

    def pair_mass(self, judgement: Judgement) -> float:
        """Weight of the comparisons that count: all of them, or without the ties, as far as ties are possible."""
        config = self.config
        no_ties = config.ties == "drop" or (config.tie_share == 0 and not config.learn_tie_share)
        return win_mass(judgement) if no_ties else comparison_mass(judgement)
