"""Sample completions from a policy with a key-value cache; a server can stand in behind the same protocol.

Log-probabilities of a sampler are for the record. Training takes its old log-probabilities from
``Backbone.logprobs``, the code that it takes its new ones from; those of a server never stand in for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.batches import Encoded
from alignment.core.records import Message
from alignment.core.sampling import SamplingSettings, draw, next_token_logprobs

MAX_ROWS = 64
"""Completions that are sampled at once: bounds the cache."""


@dataclass(frozen=True)
class Sampled:
    """One sampled completion.

    Attributes:
        text: without EOS.
        ids: with EOS when it ended by itself.
        ended: whether it ended; False when it was cut at max_new_tokens.
        logprob: sum over ids, in nats, under the distribution that was drawn from (greedy: at temperature 1).
        prompt_ids: the prompt as the model saw it, cut to the context.
    """

    text: str
    ids: tuple[int, ...]
    ended: bool
    logprob: float
    prompt_ids: tuple[int, ...]

    def encoded(self) -> Encoded:
        """The very tokens that were sampled, for training: decoding and encoding again may give others."""
        return Encoded(prompt_ids=self.prompt_ids, completion_ids=self.ids)


class Sampler(Protocol):
    """Draws completions: the local model here, a server elsewhere."""

    def sample(
        self, prompts: Sequence[Sequence[Message]], *, settings: SamplingSettings, generator: torch.Generator
    ) -> list[list[Sampled]]:
        """``settings.num_completions`` completions of each prompt, in the order of the prompts."""


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
    max_rows: int = MAX_ROWS

    def sample(
        self, prompts: Sequence[Sequence[Message]], *, settings: SamplingSettings, generator: torch.Generator
    ) -> list[list[Sampled]]:
        """See ``Sampler``; the same generator state gives the same completions."""
        context = self.backbone.context_length
        room = None if context is None else context - settings.max_new_tokens
        if room is not None and room < 1:
            raise ValueError(
                f"max_new_tokens is {settings.max_new_tokens}, the model sees {context} tokens: "
                "no room is left for a prompt"
            )
        encode = self.backbone.template.encode_prompt
        encoded = [encode(prompt, max_tokens=room) for prompt in prompts]
        at_once = min(settings.num_completions, self.max_rows)
        results: list[list[Sampled]] = [[] for _ in prompts]
        by_length = sorted(range(len(prompts)), key=lambda number: len(encoded[number]))  # little padding
        width = max(1, self.max_rows // at_once)
        for start in range(0, len(by_length), width):
            numbers = by_length[start : start + width]
            for done in range(0, settings.num_completions, at_once):
                copies = min(at_once, settings.num_completions - done)
                with self.backbone.inference(self.adapter):  # here as well, so that a token costs no switch
                    rows = self._sample_rows([encoded[n] for n in numbers], copies, settings, generator)
                for place, number in enumerate(numbers):
                    results[number] += rows[place * copies : (place + 1) * copies]
        return results

    def _sample_rows(
        self, prompts: list[list[int]], copies: int, settings: SamplingSettings, generator: torch.Generator
    ) -> list[Sampled]:
        """Completions of prompts that fit into one batch: prompt 0's copies, prompt 1's, and so on."""
        models = [_CachedModel(self.backbone, self.adapter)]
        if self.mixture is not None:
            models.append(_CachedModel(self.backbone, self.mixture.adapter))
        count, device, eos = len(prompts) * copies, self.backbone.device, self.backbone.eos_id
        logits = self._mix([model.start(prompts, copies=copies) for model in models])
        rows = torch.arange(count, device=device)  # which completions are still in the batch
        ids: list[list[int]] = [[] for _ in range(count)]
        total = [0.0] * count
        running = torch.ones(count, dtype=torch.bool, device=device)
        for step in range(settings.max_new_tokens):
            logprobs = next_token_logprobs(logits, settings)
            # A number for every row, ended or not: what a row draws does not depend on the others.
            uniform = torch.rand(count, generator=generator, dtype=torch.float64, device=generator.device)
            greedy = settings.temperature == 0
            tokens = logprobs.argmax(dim=-1) if greedy else draw(logprobs, uniform.to(device)[rows])
            chosen = logprobs.gather(-1, tokens[:, None])[:, 0].tolist()
            for row, token, logprob, alive in zip(
                rows.tolist(), tokens.tolist(), chosen, running.tolist(), strict=True
            ):
                if alive:
                    ids[row].append(token)
                    total[row] += logprob
            running = running & (tokens != eos)
            if step + 1 == settings.max_new_tokens or not bool(running.any()):
                break
            if int(running.sum()) * 2 <= len(running):
                kept = running.nonzero()[:, 0]
                rows, tokens, running = rows[kept], tokens[kept], running[kept]
                for model in models:
                    model.keep(kept)
            logits = self._mix([model.step(tokens) for model in models])
        return [self._finish(prompts[row // copies], ids[row], total[row]) for row in range(count)]

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
    max_rows: int = MAX_ROWS,
) -> list[list[Sampled]]:
    """Completions of each prompt from an adapter of the backbone (None: the base), in eval mode, without gradients.

    A prompt is computed once for up to ``max_rows`` of its completions.

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


def best_of_n_kl(n: int) -> float:
    """KL of best-of-n from the policy that it samples, in nats: log n - (n - 1) / n (Stiennon et al., 2020).

    An upper bound; reached when no two candidates are equal.
    """
    if n < 1:
        raise ValueError(f"n is {n}; give 1 or more")
    return math.log(n) - (n - 1) / n


class _CachedModel:
    """An adapter of the backbone with the keys and values of what it has read."""

    def __init__(self, backbone: Backbone, adapter: str | None) -> None:
        from transformers import DynamicCache

        self.backbone = backbone
        self.adapter = adapter
        self.cache: Any = DynamicCache(config=backbone.config)
        self.mask = torch.empty(0)
        self.next_position = torch.empty(0)

    def start(self, prompts: list[list[int]], *, copies: int) -> Tensor:
        """Read prompts of different lengths once, on the right edge; logits behind each, (P * copies, V)."""
        backbone, width = self.backbone, max(map(len, prompts))
        gaps = [width - len(prompt) for prompt in prompts]
        ids = [[backbone.pad_id] * gap + prompt for gap, prompt in zip(gaps, prompts, strict=True)]
        places = torch.arange(width, device=backbone.device)
        before = torch.tensor(gaps, device=backbone.device)[:, None]
        self.mask = places >= before  # (P, T)
        logits = self._read(torch.tensor(ids, device=backbone.device), (places - before).clamp(min=0))
        self.cache.batch_repeat_interleave(copies)
        self.mask = self.mask.repeat_interleave(copies, dim=0)
        self.next_position = self.mask.sum(dim=1)
        return logits.repeat_interleave(copies, dim=0)

    def step(self, tokens: Tensor) -> Tensor:
        """Read one more token of each row; logits behind it, (R, V)."""
        self.mask = torch.cat([self.mask, torch.ones_like(self.mask[:, :1])], dim=1)
        logits = self._read(tokens[:, None], self.next_position[:, None])
        self.next_position = self.next_position + 1
        return logits

    def keep(self, rows: Tensor) -> None:
        """Forget all rows but these."""
        self.cache.batch_select_indices(rows)
        self.mask, self.next_position = self.mask[rows], self.next_position[rows]

    def _read(self, ids: Tensor, positions: Tensor) -> Tensor:
        with self.backbone.inference(self.adapter), self.backbone.autocast():
            states = self.backbone.decoder()(
                input_ids=ids,
                attention_mask=self.mask,
                position_ids=positions,
                past_key_values=self.cache,
                use_cache=True,
            ).last_hidden_state
            return self.backbone.logits(states[:, -1])
