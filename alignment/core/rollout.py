"""Sample completions from a policy with a key-value cache; a server can stand in behind the same protocol.

Log-probabilities of a sampler are for the record. Training takes its old log-probabilities from
``Backbone.logprobs``, the code that it takes its new ones from; those of a server never stand in for them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.batches import Encoded
from alignment.core.records import Message
from alignment.core.running.memory import Allowance
from alignment.core.running.processes import spread
from alignment.core.sampling.decoding import CachedModel, Row, Running, whole_prompts
from alignment.core.sampling.draws import Draws, SamplingSettings
from alignment.core.text import Template


@dataclass(frozen=True)
class Sampled:
    """One sampled completion.

    Attributes:
        text: without EOS.
        ids: with EOS when it ended by itself.
        ended: whether it ended; False when it was cut at max_new_tokens.
        logprob: sum over ids, in nats, under the distribution that was drawn from (greedy: at temperature 1); None
            from a server, whose own are never taken.
        prompt_ids: the prompt as the model saw it, cut to the context.
    """

    text: str
    ids: tuple[int, ...]
    ended: bool
    logprob: float | None
    prompt_ids: tuple[int, ...]

    def encoded(self) -> Encoded:
        """The very tokens that were sampled, for training: decoding and encoding again may give others."""
        return Encoded(prompt_ids=self.prompt_ids, completion_ids=self.ids)


class Sampler(Protocol):
    """Draws completions: the local model here, a server in ``server_sampling``."""

    def sample(
        self, prompts: Sequence[Sequence[Message]], *, settings: SamplingSettings, generator: torch.Generator
    ) -> list[list[Sampled]]:
        """``settings.num_completions`` completions of each prompt, in the order of the prompts.

        What is drawn at random comes from the generator, a server's seeds too. Of several processes that train
        together each calls this with the same prompts and gets all of their completions.
        """


def encode_prompts(template: Template, prompts: Sequence[Sequence[Message]], *, max_new_tokens: int) -> list[list[int]]:
    """Prompts as ids, cut on the left so that the context holds a completion as well; the same for every sampler.

    Raises:
        ValueError: max_new_tokens leaves no room for a prompt.
    """
    context = template.context_length
    room = None if context is None else context - max_new_tokens
    if room is not None and room < 1:
        raise ValueError(
            f"max_new_tokens is {max_new_tokens}, the model sees {context} tokens: no room is left for a prompt"
        )
    return [template.encode_prompt(prompt, max_tokens=room) for prompt in prompts]


@dataclass(frozen=True)
class GeometricMixture:
    """Sample from pi^(1 - weight) mu^weight / Z, normalised token by token (Munos et al., 2023, section 5).

    ``adapter`` is mu: None is the base, the reference policy. weight 0 is the policy itself, 1 is mu.
    """

    adapter: str | None
    weight: float

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"the mixture's weight is {self.weight}; give 0 (policy) to 1 (the other)")


@dataclass(frozen=True)
class LocalSampler:
    """The sampler on a backbone in this process."""

    backbone: Backbone
    adapter: str | None
    mixture: GeometricMixture | None = None
    max_rows: int | None = None

    def sample(
        self, prompts: Sequence[Sequence[Message]], *, settings: SamplingSettings, generator: torch.Generator
    ) -> list[list[Sampled]]:
        """See ``Sampler``; the same generator state gives the same completions.

        A completion depends on the place of its prompt among the prompts, and on its own among the prompt's, but not on
        ``max_rows``, on what is written beside it, or on the number of processes.
        """
        encoded = encode_prompts(self.backbone.template, prompts, max_new_tokens=settings.max_new_tokens)
        by_length = sorted(range(len(prompts)), key=lambda number: len(encoded[number]))  # little padding
        rows = [Row(number, copy) for number in by_length for copy in range(settings.num_completions)]
        draws = Draws.of(generator)
        allowance = self.backbone.allowances.sampling
        if self.max_rows is not None:
            allowance = Allowance(allowance.name, allowance.unit, self.max_rows)

        def work(mine: Sequence[Row]) -> list[Sampled]:
            with self.backbone.inference(self.adapter):  # here as well, so that a token costs no switch
                return allowance.in_parts(
                    mine,
                    fit=whole_prompts,
                    size=len,
                    work=lambda part: self._sample_rows(part, encoded, settings, draws),
                )

        models = (self.adapter,) if self.mixture is None else (self.adapter, self.mixture.adapter)
        with self.backbone.gathered(*models):
            written = spread(rows, weight=lambda row: 1, work=work)
        results: list[list[Sampled]] = [[] for _ in prompts]
        for row, sampled in zip(rows, written, strict=True):
            results[row.prompt].append(sampled)
        return results

    def _sample_rows(
        self, rows: Sequence[Row], encoded: Sequence[list[int]], settings: SamplingSettings, draws: Draws
    ) -> list[Sampled]:
        """Completions that fit into one batch, those of a prompt side by side."""
        models = [CachedModel(self.backbone, self.adapter)]
        if self.mixture is not None:
            models.append(CachedModel(self.backbone, self.mixture.adapter))
        copies = Counter(row.prompt for row in rows)  # in the order of the rows
        prompts = [encoded[number] for number in copies]
        logits = self._mix([model.start(prompts, copies=list(copies.values())) for model in models])
        running = Running(rows, settings, draws, eos_id=self.backbone.eos_id, device=self.backbone.device)
        while True:
            kept = running.take(logits)
            if kept is None:
                break
            if len(kept) < len(logits):
                for model in models:
                    model.keep(kept)
            logits = self._mix([model.step(running.tokens) for model in models])
        return [
            self._finish(encoded[row.prompt], ids, total)
            for row, ids, total in zip(rows, running.ids, running.totals, strict=True)
        ]

    def _mix(self, logits: list[Tensor]) -> Tensor:
        if self.mixture is None:
            return logits[0]
        # The constants by which logits and log-probabilities differ drop out when the mixture is normalised.
        return (1 - self.mixture.weight) * logits[0] + self.mixture.weight * logits[1]

    def _finish(self, prompt: list[int], ids: list[int], logprob: float) -> Sampled:
        return Sampled(
            text=self.backbone.template.decode(ids),
            ids=tuple(ids),
            ended=bool(ids) and ids[-1] == self.backbone.eos_id,
            logprob=logprob,
            prompt_ids=tuple(prompt),
        )


def sample(  # noqa: PLR0913 (the settings by name, as most callers have them)
    backbone: Backbone,
    prompts: Sequence[Sequence[Message]],
    *,
    adapter: str | None,
    generator: torch.Generator,
    num_completions: int = 1,
    max_new_tokens: int = 128,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    max_rows: int | None = None,
) -> list[list[Sampled]]:
    """Completions of each prompt from an adapter of the backbone (None: the base), in eval mode, without gradients.

    A prompt is computed once for all of its completions, or for ``max_rows`` of them.

    Raises:
        ValueError: a setting is out of its range, or max_new_tokens leaves no room for a prompt.
    """
    settings = SamplingSettings(
        num_completions=num_completions,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    sampler = LocalSampler(backbone, adapter, max_rows=max_rows)
    return sampler.sample(prompts, settings=settings, generator=generator)


def best_of_n(
    candidates: Sequence[Sequence[Sampled]], rewards: Sequence[Sequence[float]]
) -> list[tuple[Sampled, float]]:
    """For each prompt the candidate of the highest reward, and the reward; the first of equals.

    Raises:
        ValueError: a prompt without candidates, counts that differ, or a reward that is not a number.
    """
    chosen = []
    for number, (samples, scores) in enumerate(zip(candidates, rewards, strict=True)):
        if not samples or len(samples) != len(scores):
            raise ValueError(f"prompt {number} has {len(samples)} candidates and {len(scores)} rewards")
        if any(math.isnan(score) for score in scores):
            raise ValueError(f"prompt {number} has a reward that is not a number: {list(scores)}")
        best = max(range(len(scores)), key=lambda place: scores[place])
        chosen.append((samples[best], scores[best]))
    return chosen
