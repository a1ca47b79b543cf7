"""What sampling does token by token: a model with its cache, and the completions that grow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from alignment.core.backbone import Backbone
from alignment.core.sampling.cache import growing_cache
from alignment.core.sampling.draws import Draws, SamplingSettings, draw, next_token_logprobs


@dataclass(frozen=True)
class Row:
    """One completion to be sampled: the number of its prompt, and its own among those of the prompt."""

    prompt: int
    copy: int


def whole_prompts(rows: Sequence[Row], most: int) -> int:
    """How many of the first rows to sample at once: no prompt is cut in two unless it has more than ``most`` alone."""
    if len(rows) <= most:
        return len(rows)
    ends = [place for place in range(1, most + 1) if rows[place].prompt != rows[place - 1].prompt]
    return ends[-1] if ends else most


class Running:
    """The completions of one batch while they grow.

    Attributes:
        ids: tokens so far, by row.
        totals: log-probability so far, by row, nats.
        tokens: the last ones of those rows that are still in the batch, long, (R,).
    """

    def __init__(
        self, rows: Sequence[Row], settings: SamplingSettings, draws: Draws, *, eos_id: int, device: torch.device
    ) -> None:
        self.ids: list[list[int]] = [[] for _ in rows]
        self.totals = [0.0] * len(rows)
        self.tokens = torch.empty(0)
        self._settings, self._eos_id = settings, eos_id
        count = settings.max_new_tokens
        streams = [draws.uniform(prompt=row.prompt, copy=row.copy, count=count) for row in rows]
        self._uniform = torch.stack(streams, dim=1).to(device)  # (max_new_tokens, R)
        self._rows = torch.arange(len(rows), device=device)  # which rows are still in the batch
        self._alive = torch.ones(len(rows), dtype=torch.bool, device=device)
        self._step = 0

    def take(self, logits: Tensor) -> Tensor | None:
        """Draw a token for each row in the batch; which rows stay in it, by place, None when all is written."""
        settings = self._settings
        logprobs = next_token_logprobs(logits, settings)
        greedy = settings.temperature == 0
        tokens = logprobs.argmax(dim=-1) if greedy else draw(logprobs, self._uniform[self._step, self._rows])
        chosen = logprobs.gather(-1, tokens[:, None])[:, 0]
        columns = (self._rows.tolist(), tokens.tolist(), chosen.tolist(), self._alive.tolist())
        for row, token, logprob, alive in zip(*columns, strict=True):
            if alive:
                self.ids[row].append(token)
                self.totals[row] += logprob
        self._alive = self._alive & (tokens != self._eos_id)
        self._step += 1
        if self._step == settings.max_new_tokens or not bool(self._alive.any()):
            return None
        kept = torch.arange(len(tokens), device=tokens.device)
        if int(self._alive.sum()) * 2 <= len(tokens):
            kept = self._alive.nonzero()[:, 0]
        self.tokens, self._rows, self._alive = tokens[kept], self._rows[kept], self._alive[kept]
        return kept


class CachedModel:
    """An adapter of the backbone with the keys and values of what it has read."""

    def __init__(self, backbone: Backbone, adapter: str | None) -> None:
        self.backbone = backbone
        self.adapter = adapter
        self.cache: Any = growing_cache(backbone.config)
        self.mask = torch.empty(0)
        self.next_position = torch.empty(0)

    def start(self, prompts: Sequence[list[int]], *, copies: Sequence[int]) -> Tensor:
        """Read prompts of different lengths once, on the right edge; logits behind each copy of each, (R, V)."""
        backbone, width = self.backbone, max(map(len, prompts))
        gaps = [width - len(prompt) for prompt in prompts]
        ids = [[backbone.pad_id] * gap + prompt for gap, prompt in zip(gaps, prompts, strict=True)]
        places = torch.arange(width, device=backbone.device)
        before = torch.tensor(gaps, device=backbone.device)[:, None]
        self.mask = places >= before  # (P, T)
        logits = self._read(torch.tensor(ids, device=backbone.device), (places - before).clamp(min=0))
        self.next_position = self.mask.sum(dim=1)
        copied = torch.arange(len(prompts)).repeat_interleave(torch.tensor(copies)).to(backbone.device)  # (R,)
        self.keep(copied)
        return logits[copied]

    def step(self, tokens: Tensor) -> Tensor:
        """Read one more token of each row; logits behind it, (R, V)."""
        self.mask = torch.cat([self.mask, torch.ones_like(self.mask[:, :1])], dim=1)
        logits = self._read(tokens[:, None], self.next_position[:, None])
        self.next_position = self.next_position + 1
        return logits

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows; one may be named several times."""
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
