"""A language small enough to write down: every sequence over two letters and an end, of at most three tokens.

A policy is a table of next-token logits by prefix, so probabilities, expected rewards and gradients are exact sums.
"""

from __future__ import annotations

import torch

END = 2
LENGTH = 3
PREFIXES = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (1, 1)]


def _sequences(prefix=()):
    if len(prefix) == LENGTH or (prefix and prefix[-1] == END):
        return [prefix]
    return [sequence for token in range(3) for sequence in _sequences((*prefix, token))]


SEQUENCES = _sequences()  # 1 + 2 + 4 that end, 8 that are cut: 15
TOKENS = torch.tensor([[*s, *[0] * (LENGTH - len(s))] for s in SEQUENCES])  # (15, 3)
MASK = torch.tensor([[t < len(s) for t in range(LENGTH)] for s in SEQUENCES])  # (15, 3)
STATES = torch.tensor([[PREFIXES.index(s[:t]) if t < len(s) else 0 for t in range(LENGTH)] for s in SEQUENCES])


def make_policy(seed):
    """Random logits, (7 prefixes, 3 tokens)."""
    return torch.randn(len(PREFIXES), 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def token_logprobs(logits):
    """(15, 3); what stands behind the end is the probability of some token, for masks to hide."""
    return logits.log_softmax(1)[STATES, TOKENS]


def sequence_logprobs(logits):
    """(15,)"""
    return torch.where(MASK, token_logprobs(logits), 0.0).sum(1)


def tilted(reference, rewards, beta):
    """The policy that maximises E[reward] - beta KL(policy || reference): reference e^{reward / beta} / Z, (15,)."""
    return torch.softmax(sequence_logprobs(reference) + rewards / beta, 0)
