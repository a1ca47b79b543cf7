"""A language of nine completions (two letters out of a, b, c) and a policy that is a table: everything can be summed.

Stands in for the backbone and the sampler: the methods run on it unchanged.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from alignment.core.records import Message
from alignment.core.rollout import Sampled
from alignment.core.running.memory import Allowances
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
        self.allowances = Allowances()
        self.attends_by_spans = False
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

    def gathered(self, *names):
        return nullcontext()

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
        return of_completions(self.table(name))


TableBackbone: Any = _TableBackbone
"""Any, because it has what the methods use of a backbone and no more."""


def mixed(one, other, weight):
    """Two tables of logits or log-probabilities mixed token by token, one^(1 - weight) other^weight / Z, (4, 3)."""
    return ((1 - weight) * one + weight * other).log_softmax(-1)


def of_completions(table):
    """log pi of each of the nine completions by a table of log-probabilities, (9,)."""
    return torch.stack([table[PROMPT_ID, first] + table[first, second] for first, second in map(ids_of, COMPLETIONS)])


class TableSampler:
    """Draws from a table; with ``each_once`` it gives every completion once, which is exact for a uniform policy.

    ``mixture`` is the weight of the base in the geometric mixture that is drawn from; with ``evenly`` a prompt's
    completions are as many of each as its probability says, to within one (systematic sampling: unbiased, less noise).
    """

    def __init__(self, backbone, *, each_once=False, mixture=0.0, evenly=False):
        self.backbone, self.each_once, self.mixture, self.evenly = backbone, each_once, mixture, evenly

    def sample(self, prompts, *, settings, generator):
        if self.each_once:
            drawn = list(range(9)) * len(prompts)
        else:
            table = mixed(self.backbone.table("policy"), self.backbone.table(None), self.mixture)
            weights = of_completions(table).detach().exp()
            count = len(prompts) * settings.num_completions
            if self.evenly:
                starts = torch.rand(len(prompts), 1, generator=generator)
                places = (starts + torch.arange(settings.num_completions)) / settings.num_completions
                drawn = torch.searchsorted(weights.cumsum(0), places.flatten()).clamp(max=8).tolist()
            else:
                drawn = torch.multinomial(weights, count, replacement=True, generator=generator).tolist()
        each = len(drawn) // len(prompts)
        sampled = [Sampled(COMPLETIONS[k], ids_of(COMPLETIONS[k]), True, 0.0, (PROMPT_ID,)) for k in drawn]
        return [sampled[start : start + each] for start in range(0, len(sampled), each)]


def reward_of(rewards):
    """The reward function of a table of nine rewards."""
    by_ids = {ids_of(text): value for text, value in zip(COMPLETIONS, rewards.tolist(), strict=True)}
    return lambda encoded: torch.tensor([by_ids[each.completion_ids] for each in encoded])


def preference_of_table(wins):
    """The preference of a table of P(row beats column), (9, 9)."""
    number = {ids_of(text): k for k, text in enumerate(COMPLETIONS)}

    def compare(first, second):
        rows = torch.tensor([number[each.completion_ids] for each in first])
        columns = torch.tensor([number[each.completion_ids] for each in second])
        return wins[rows, columns].float()

    return compare


def closed_form(reference_logprobs, rewards, *, beta):
    """pi_ref e^{r / beta} / Z, the optimum of the reward less beta times the KL (Rafailov et al., 2023, eq. 4)."""
    return (reference_logprobs + rewards / beta).softmax(0)
