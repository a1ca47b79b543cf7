"""Direct preference optimisation and its family: a likelihood of the judgement on the policy's own scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.config import DirectConfig
from alignment.core.methods.base import Loss, Mean, ParameterGroup, Update, ensure_adapter, require_records
from alignment.core.methods.direct_losses import REFERENCE_FREE, Scored, all_chosen, mass_of, preference_loss
from alignment.core.methods.forward import lay_out, logprobs_by_token, padded
from alignment.core.methods.judged import Judged, agreement, batch_of, comparisons_of, encode_judgements, num_tokens
from alignment.core.methods.reference import reference_logprobs
from alignment.core.records import Judgement
from alignment.core.scores import implicit
from alignment.core.text import Encoded


class Direct:
    """Score `implicit` (or `average`, `log_odds`) x a likelihood of the judgement, on the adapter ``policy``.

    All completions of a judgement are computed once, behind one copy of their prompt. The reference policy is the
    backbone without adapters; its log-probabilities are computed once and kept.

    Args:
        reference_folder: where the reference's log-probabilities are kept for runs to come (`reference_logprobs`).
    """

    name = "direct"

    def __init__(
        self,
        backbone: Backbone,
        config: DirectConfig,
        *,
        adapter: str = "policy",
        seed: int = 0,
        reference_folder: Path | None = None,
    ) -> None:
        self.backbone, self.config, self.adapter = backbone, config, adapter
        self.tie_share = config.tie_share or 0.0
        self.reference_folder = reference_folder
        self._reference: dict[Encoded, Tensor] = {}
        self._kl = 0.0
        self._any_two: list[Judged] = []
        ensure_adapter(backbone, adapter, seed=seed)

    def settings(self) -> dict[str, Any]:
        """What the result depends on."""
        return {"adapter": self.adapter, "backbone": self.backbone.digest, **self.config.to_dict()}

    def examples(self, data: Sequence[Judgement]) -> list[Judged]:
        """The judgements that say something to the loss.

        Raises:
            ValueError: none does.
            TypeError: something is no judgement.
        """
        require_records(self.name, data, Judgement)
        units = encode_judgements(data, template=self.backbone.template, mass=lambda each: mass_of(self.config, each))
        if not units:
            raise ValueError(
                f"none of {len(data)} judgements says anything to the loss {self.config.loss!r}: pairs and lists need "
                "ranks that are not all tied, best_of a pick of the best, kto ratings or ranks"
            )
        if self.config.tie_share is None:
            pairs = [pair for unit in units for pair in unit.judgement.comparisons()]
            self.tie_share = min(sum(pair.outcome == 0 for pair in pairs) / max(len(pairs), 1), 0.99)
        return units

    def prepare(self, examples: Sequence[Judged]) -> None:
        """Compute the reference's log-probabilities of all completions, or read them from where they are kept."""
        self._any_two = list(examples[:2])
        if self.config.loss in REFERENCE_FREE:
            return
        completions = list(dict.fromkeys(each for unit in examples for each in unit.encoded))
        rows = reference_logprobs(self.backbone, completions, folder=self.reference_folder)
        self._reference = dict(zip(completions, rows, strict=True))

    def parameter_groups(self) -> list[ParameterGroup]:
        """The policy."""
        return [ParameterGroup(role="policy", parameters=self.backbone.parameters(self.adapter))]

    def updates(self, batch: Sequence[Judged], *, generator: torch.Generator) -> Iterator[Update[Judged]]:
        """One update per batch; KTO's reference point is of the whole batch.

        Raises:
            ValueError: KTO with a single judgement, which has no mismatched pair.
        """
        counts = {"loss": sum(mass_of(self.config, unit.judgement) for unit in batch)}
        if self._nll_weight():
            counts["nll"] = sum(chosen.mass(self.config) for chosen in all_chosen(batch))
        metrics = {}
        if self.config.loss == "kto":
            self._kl = self._mismatched_log_ratio(batch)
            metrics["kto_reference"] = self._kl
        yield Update(units=batch, counts=counts, metrics=metrics)

    def size(self, units: Sequence[Judged]) -> int:
        """Tokens of a forward pass, and of a second one where prompts are learned, too."""
        if self._nll_weight() and self.config.nll_tokens == "prompt_and_completion":
            return num_tokens(units) + sum(len(each.whole().completion_ids) + 1 for each in all_chosen(units))
        return num_tokens(units)

    def losses(self, units: Sequence[Judged]) -> Iterator[Loss]:
        """The loss of the judgements, and of the chosen completions' likelihood where it has a weight."""
        with self.backbone.adapter(self.adapter):
            batch = batch_of(units, backbone=self.backbone)
            reference = self._reference_logprobs(units, like=batch.mask)
            scored = Scored(logprobs=self.backbone.logprobs(batch), mask=batch.mask, reference=reference)
            totals = {"loss": preference_loss(self.config, scored, units, tie_share=self.tie_share, kl=self._kl)}
            if self._nll_weight():
                totals["nll"] = self._nll_weight() * self._chosen_nll(scored, units)
            detached = replace(scored, logprobs=scored.logprobs.detach())
            yield Loss(totals, metrics=self._metrics(detached, units))

    def state_dict(self) -> dict[str, Any]:
        """The policy's adapter."""
        return {"adapter": self.backbone.named_parameters(self.adapter)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.backbone.load_parameters(self.adapter, state["adapter"])

    def _reference_logprobs(self, units: Sequence[Judged], *, like: Tensor) -> Tensor:
        """What `prepare` computed, (N, L); zeros where the loss needs no reference."""
        rows = torch.zeros(like.shape)
        if self.config.loss not in REFERENCE_FREE:
            for row, each in zip(rows, (each for unit in units for each in unit.encoded), strict=True):
                row[: len(each.completion_ids)] = self._reference[each]
        return rows.to(like.device)

    def _nll_weight(self) -> float:
        return 1.0 if self.config.loss == "orpo" else self.config.nll_weight

    def _chosen_nll(self, scored: Scored, units: Sequence[Judged]) -> Tensor:
        """Negative log-likelihood of the chosen completions, nats, summed; the mean once divided by their mass."""
        chosen = all_chosen(units)
        if self.config.nll_tokens == "completion" or not chosen:
            index = torch.tensor([each.number for each in chosen], dtype=torch.long, device=scored.mask.device)
            logprobs, mask = scored.logprobs[index], scored.mask[index]
        else:
            batch = lay_out(self.backbone, [each.whole() for each in chosen])
            logprobs, mask = self.backbone.logprobs(batch), batch.mask
        weight = torch.tensor([each.weight for each in chosen], device=mask.device)
        nll = -torch.where(mask, logprobs, 0.0).sum(1)
        return (weight * (nll / mask.sum(1) if self.config.nll_average == "completion" else nll)).sum()

    def _mismatched_log_ratio(self, units: Sequence[Judged]) -> float:
        """KTO's z: mean log-ratio of each prompt with a completion of the one before, which nobody judged together."""
        before = [units[-1], *units[:-1]]
        if len(units) == 1:  # the last batch of an epoch, perhaps
            before = [unit for unit in self._any_two if unit is not units[0]][:1]
        if not before:
            raise ValueError("kto needs 2 or more judgements, to pair prompts with completions of others")
        pairs = []
        for unit, other in zip(units, before, strict=True):
            prompt, completion = unit.encoded[0].prompt_ids, other.encoded[0].completion_ids
            limit = self.backbone.context_length
            pairs.append(Encoded(prompt, completion if limit is None else completion[: max(limit - len(prompt), 1)]))
        policy, mask = padded(logprobs_by_token(self.backbone, pairs, adapter=self.adapter))
        reference, _ = padded(logprobs_by_token(self.backbone, pairs, adapter=None))
        return float(implicit(policy, reference, mask, beta=1.0).mean())

    def _metrics(self, scored: Scored, units: Sequence[Judged]) -> dict[str, Mean]:
        """Log-ratios of both sides apart (a chosen side that falls is DPO's known fault), accuracy, and KL.

        `kl` estimates KL(reference || policy) by the mean of minus the log-ratio: without bias on completions that the
        reference wrote and that were not trained on, else as a sign of how far the policy went. It may be negative.
        """
        pairs = comparisons_of(units, device=scored.logprobs.device).winners_first()
        ratio = scored.log_ratio()
        kind = "logprob" if self.config.loss in REFERENCE_FREE else "log_ratio"
        chosen, rejected = ratio[pairs.first], ratio[pairs.second]
        metrics: dict[str, Mean] = {
            **agreement(self.config.beta * (chosen - rejected)),
            f"{kind}/chosen": (chosen.sum(), len(chosen)),
            f"{kind}/rejected": (rejected.sum(), len(rejected)),
        }
        if self.config.loss not in REFERENCE_FREE:
            metrics["kl"] = (-ratio.sum(), len(ratio))
        return metrics
