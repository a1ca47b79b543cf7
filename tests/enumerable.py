"""A language of nine completions (two letters out of a, b, c) and a policy that is a table: everything can be summed.

Stands in for the backbone and the sampler: the methods run on it unchanged.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from alignment.core.records import Message
from alignment.core.rollout import Sampled
from alignment.core.text import Encoded

LETTERS = "abc"
COMPLETIONS = [first + second for first in LETTERS for second in LETTERS]
PROMPT = (Message("user", "two letters"),)
PROMPT_ID = 3


def ids_of(text):
    return tuple(LETTERS.index(letter) for letter in text)


class Template:
    def encode(self, prompt, completions):
        return [Encoded((PROMPT_ID,), ids_of(text)) for text in completions]


class _TableBackbone:
    """Logits of the next letter by the token before it (a, b, c, or the prompt): base + the active adapter's table."""

    def __init__(self, base):
        self.base = base  # (4, 3)
        self.device, self.context_length, self.pad_id, self.hidden_size, self.digest = "cpu", None, 9, 4, "table"
        self.template = Template()
        self.tables: dict[str, nn.Parameter] = {}
        self.active = None

    @property
    def adapters(self):
        return tuple(self.tables)

    def add_adapter(self, name, *, copy_from=None, seed=0):
        self.tables[name] = nn.Parameter(torch.zeros(4, 3))

    @contextmanager
    def adapter(self, name):
        before, self.active = self.active, name
        try:
            yield self
        finally:
            self.active = before

    @contextmanager
    def inference(self, name):
        with self.adapter(name), torch.no_grad():
            yield self

    def parameters(self, name):
        return [self.tables[name]]

    def named_parameters(self, name):
        return {"table": self.tables[name]}

    def load_parameters(self, name, tensors):
        self.tables[name].data.copy_(tensors["table"])

    def table(self, name):
        """Log-probabilities of each letter, (4, 3)."""
        return (self.base if name is None else self.base + self.tables[name]).log_softmax(-1)

    def logprobs(self, batch, *, temperature=1.0):
        rows = self.table(self.active)[batch.ids.flatten()[batch.index].clamp(max=PROMPT_ID)]  # (N, L, 3)
        return rows.gather(-1, batch.labels[..., None])[..., 0].masked_fill(~batch.mask, 0.0)

    def hidden(self, batch):
        before = batch.ids.flatten()[batch.index].clamp(max=PROMPT_ID)
        return nn.functional.one_hot(before, 4).float()

    def completion_logprobs(self, name):
        """log pi of each of the nine completions, (9,)."""
        table = self.table(name)
        return torch.stack(
            [table[PROMPT_ID, first] + table[first, second] for first, second in map(ids_of, COMPLETIONS)]
        )


TableBackbone: Any = _TableBackbone
"""Any, because it has what the methods use of a backbone and no more."""


class TableSampler:
    """Draws from a table; with ``each_once`` it gives every completion once, which is exact for a uniform policy."""

    def __init__(self, backbone, *, each_once=False):
        self.backbone, self.each_once = backbone, each_once

    def sample(self, prompts, *, settings, generator):
        if self.each_once:
            drawn = list(range(9)) * len(prompts)
        else:
            weights = self.backbone.completion_logprobs("policy").detach().exp()
            count = len(prompts) * settings.num_completions
            drawn = torch.multinomial(weights, count, replacement=True, generator=generator).tolist()
        each = len(drawn) // len(prompts)
        sampled = [Sampled(COMPLETIONS[k], ids_of(COMPLETIONS[k]), True, 0.0, (PROMPT_ID,)) for k in drawn]
        return [sampled[start : start + each] for start in range(0, len(sampled), each)]


def reward_of(rewards):
    """The reward function of a table of nine rewards."""
    by_ids = {ids_of(text): value for text, value in zip(COMPLETIONS, rewards.tolist(), strict=True)}
    return lambda encoded: torch.tensor([by_ids[each.completion_ids] for each in encoded])


def closed_form(reference_logprobs, rewards, *, beta):
    """pi_ref e^{r / beta} / Z, the optimum of the reward less beta times the KL (Rafailov et al., 2023, eq. 4)."""
    return (reference_logprobs + rewards / beta).softmax(0)
