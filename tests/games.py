"""Games of preferences that go round in circles, and what is known of their equilibria; numpy, nothing of the core."""

from __future__ import annotations

import numpy as np
import torch

from tests.enumerable import mixed, of_completions

MARGINS = (0.2, 0.35, 0.1)
"""By how much a beats b, b beats c and c beats a, as probability above one half."""
STRONG = (-0.5, -0.5, -0.5)
"""Rock, paper, scissors with certain wins: b beats a, c beats b, a beats c."""


def cycle(margins):
    """P(row beats column) of the three letters."""
    ab, bc, ca = margins
    return 0.5 + np.array([[0, ab, -ca], [-ab, 0, bc], [ca, -bc, 0]])


def by_first_letter(wins):
    """The same preference of the nine completions by their first letter: the second says nothing."""
    return torch.tensor(np.kron(wins, np.ones((3, 3))))


def wins_of_all(seed):
    """A preference of the nine completions that nothing but its antisymmetry binds."""
    above = np.triu(np.random.default_rng(seed).uniform(-0.5, 0.5, (9, 9)), 1)
    return 0.5 + above - above.T


def tabular_nash_md(wins, reference, *, tau, steps):
    """pi <- pi^mu exp(eta P(. beats pi^mu)), pi^mu ~ pi^(1 - eta tau) mu^(eta tau), eta = 2 / (tau (t + 2))."""
    policy = reference.copy()
    for t in range(steps):
        eta = 2 / (tau * (t + 2))
        regularised = policy ** (1 - eta * tau) * reference ** (eta * tau)
        regularised /= regularised.sum()
        policy = regularised * np.exp(eta * wins @ regularised)
        policy /= policy.sum()
    return policy


def regularised_equilibrium(wins, reference, *, tau):
    """pi = mu e^{P pi / tau} / Z by small steps: large ones go round in circles."""
    policy = reference.copy()
    for _ in range(40_000):
        aim = reference * np.exp(wins @ policy / tau)
        policy = policy**0.99 * (aim / aim.sum()) ** 0.01
        policy /= policy.sum()
    return policy


def answer_to_its_own_mixture(wins, base, *, beta, mixture):
    """pi = pi_ref e^{P(y beats pi') / beta} / Z with pi' the mixture of pi and pi_ref, letter by letter, (9,)."""
    base = table = base.double().log_softmax(-1)
    for _ in range(5000):
        opponent = of_completions(mixed(table, base, mixture)).exp()
        aim = (of_completions(base) + wins @ opponent / beta).softmax(0).reshape(3, 3)
        letters = torch.cat([aim / aim.sum(1, keepdim=True), aim.sum(1)[None]])  # rows a, b, c, and the prompt
        table = (0.98 * table + 0.02 * letters.log()).log_softmax(-1)
    return of_completions(table).exp()
