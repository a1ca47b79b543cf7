"""Reliabilities of annotators by the likelihood of their votes alone, the scores integrated out.

Crowd-BT's joint maximum fits a score to each completion and then believes it: with three votes for a pair these scores
agree with whoever gave them, so that everybody looks careful, and the more surely the more pairs there are (the
incidental parameters of Neyman and Scott, 1948; of its 90 % intervals 3 to 80 % held the truth). Here a pair's
difference d is N(0, 2 deviation^2), as the prior of scores says, and the votes of a pair are taken together:

    P(votes of a pair) = integral N(d; 0, 2 deviation^2) prod_w [eta_w sigma(d) + (1 - eta_w) sigma(-d)] dd

with sigma(-d) where w said that the second won. A tie counts sqrt(sigma(d) sigma(-d)): it says that the two are close,
whoever says it, and nothing of who says it. Where pairs share completions, the normal distribution of each is not the
prior's but what the votes of all other pairs leave of it (a product of conditional likelihoods, each without its own
votes). The integral is a sum over the nodes of Gauss and Hermite.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse
from scipy.sparse import csgraph
from scipy.special import expit, logsumexp

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

NODES = 16
GRID = (np.arange(250) + 0.5) / 250


@dataclass(frozen=True, slots=True)
class Pairs:
    """Votes (N,) sorted by their pair: who gave them, and 1 where the first of the pair won, 1/2 for ties.

    ``ends`` (P, 2) are the completions of each pair, ``begins`` (P,) is where its votes begin, ``pair`` (N,) the number
    of each vote's, ``chances`` (P, M) are sigma(d) at the nodes of the integral, and ``weights`` (M,) the logarithms of
    what those count.
    """

    annotator: Indices
    outcome: Floats
    ends: Indices
    pair: Indices
    begins: Indices
    chances: Floats
    weights: Floats

    @classmethod
    def of(cls, *, first: Indices, second: Indices, annotator: Indices, outcome: Floats, deviation: float) -> Pairs:
        """Votes between numbered completions, (N,) each; ``deviation`` is that of a score, in logits."""
        ends = np.stack([np.minimum(first, second), np.maximum(first, second)], axis=1)
        known, pair = np.unique(ends, axis=0, return_inverse=True)
        pair = pair.reshape(-1)
        order = np.argsort(pair, kind="stable")
        at, weights = np.polynomial.hermite_e.hermegauss(NODES)
        wide = np.full(len(known), deviation * np.sqrt(2))
        return cls(
            annotator[order],
            np.where(first > second, 1 - outcome, outcome)[order],
            known,
            pair[order],
            np.flatnonzero(np.diff(pair[order], prepend=-1)),
            expit(np.multiply.outer(wide, at)),
            np.log(weights / weights.sum()),
        )

    def given_others(self, scores: Floats, eta: Floats, *, deviation: float) -> Pairs:
        """The same votes with what those of the other pairs say of each difference.

        Args:
            scores: the most probable ones at these reliabilities; the votes of a pair count as a normal distribution
                of their slope and curvature there (Laplace), which is taken out of its own.
        """
        if not len(self.pair):
            return self
        difference = scores[self.ends[:, 0]] - scores[self.ends[:, 1]]
        slope, curvature = self._shape(difference, eta)
        variance = _variances(self.ends, curvature, num=len(scores), deviation=deviation)
        precision = np.maximum(1 / variance - curvature, 0.5 / deviation**2)  # never less than the prior's
        mean = (difference / variance - curvature * difference - slope) / precision
        at, _ = np.polynomial.hermite_e.hermegauss(NODES)
        return replace(self, chances=expit(mean[:, None] + np.multiply.outer(precision**-0.5, at)))

    def _shape(self, difference: Floats, eta: Floats) -> tuple[Floats, Floats]:
        """(P,) slope of the logarithm of the votes' probability at these differences, and its negative curvature."""
        p, own, sign = expit(difference)[self.pair], eta[self.annotator], 2 * self.outcome - 1
        steep = (2 * own - 1) * p * (1 - p)
        said = np.where(sign < 0, 1 - own * p - (1 - own) * (1 - p), own * p + (1 - own) * (1 - p))
        slope = np.where(sign == 0, 0.5 - p, sign * steep / said)
        curvature = np.where(sign == 0, p * (1 - p), (steep / said) ** 2 - sign * steep * (1 - 2 * p) / said)
        return np.add.reduceat(slope, self.begins), np.maximum(np.add.reduceat(curvature, self.begins), 0.0)


def _variances(ends: Indices, curvature: Floats, *, num: int, deviation: float) -> Floats:
    """(P,) variance of each difference under the normal prior and the curvatures of all pairs.

    Completions that no votes connect, as those of two prompts, know nothing of each other: one inverse for each group.
    """
    _, group = csgraph.connected_components(
        sparse.coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(num, num)), directed=False
    )
    found = np.empty(len(ends))
    order = np.argsort(group[ends[:, 0]], kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[ends[order, 0]])) + 1):
        members, places = np.unique(ends[rows], return_inverse=True)
        first, second = places.reshape(-1, 2).T
        precision = np.eye(len(members)) / deviation**2
        np.add.at(precision, (first, first), curvature[rows])
        np.add.at(precision, (second, second), curvature[rows])
        np.add.at(precision, (first, second), -curvature[rows])
        np.add.at(precision, (second, first), -curvature[rows])
        spread = np.linalg.inv(precision)
        found[rows] = spread[first, first] + spread[second, second] - 2 * spread[first, second]
    return found


def reliabilities(pairs: Pairs, *, right: Floats, wrong: Floats) -> tuple[Floats, Floats, Floats]:
    """The most probable reliability (W,) of each annotator, and the 5 % and 95 % points of its posterior.

    Args:
        right, wrong: (W,) the Beta prior of each, 1 or more, known answers added.
    """
    start = np.log(right / wrong)
    found = optimize.minimize(objective, start, args=(pairs, right, wrong), jac=True, method="L-BFGS-B")
    eta: Floats = expit(found.x)
    return eta, *_intervals(eta, pairs, right, wrong)


def objective(logits: Floats, pairs: Pairs, right: Floats, wrong: Floats) -> tuple[float, Floats]:
    """The negative log posterior of logits of reliabilities, and its gradient.

    By Fisher's identity that is the gradient at each node, weighted with the posterior of the nodes:
    dlog q / deta = (2 sigma(d) - 1) / q where the first was said to win, and the negative over 1 - q else.
    """
    eta = expit(logits)
    prior = (right - 1) * np.logaddexp(0, -logits) + (wrong - 1) * np.logaddexp(0, logits)
    by_prior = (right - 1) * (1 - eta) - (wrong - 1) * eta
    if not len(pairs.pair):
        return float(prior.sum()), -by_prior
    q, log_votes = _votes(eta, pairs)
    at_nodes = pairs.weights + np.add.reduceat(log_votes, pairs.begins)
    by_pair = logsumexp(at_nodes, axis=1)
    weight = np.exp(at_nodes - by_pair[:, None])[pairs.pair]
    sign = 2 * pairs.outcome[:, None] - 1  # 0 for ties
    slope = (weight * sign / np.where(sign > 0, q, 1 - q) * (2 * pairs.chances[pairs.pair] - 1)).sum(axis=1)
    by_eta = np.bincount(pairs.annotator, slope, len(eta))
    return float(prior.sum() - by_pair.sum()), -(by_eta * eta * (1 - eta) + by_prior)


def _votes(eta: Floats, pairs: Pairs) -> tuple[Floats, Floats]:
    """(N, M) at each node: the chance q that the annotator says the first, and the logarithm of what they said."""
    own = eta[pairs.annotator][:, None]
    p = pairs.chances[pairs.pair]
    q = np.clip(own * p + (1 - own) * (1 - p), 1e-12, 1 - 1e-12)
    said = pairs.outcome[:, None]
    tie = 0.5 * (np.log(p) + np.log1p(-p))
    return q, np.where(said == 0.5, tie, np.log(np.where(said > 0.5, q, 1 - q)))


def _intervals(eta: Floats, pairs: Pairs, right: Floats, wrong: Floats) -> tuple[Floats, Floats]:
    """The 5 % and 95 % points of each posterior, the others' reliabilities as found, on a grid of 250.

    Given what others say of its pair, a vote's probability is linear in eta: only the mean chance of the first counts.
    """
    posterior = np.multiply.outer(right - 1, np.log(GRID)) + np.multiply.outer(wrong - 1, np.log1p(-GRID))
    if len(pairs.pair):
        _, log_votes = _votes(eta, pairs)
        others = (pairs.weights + np.add.reduceat(log_votes, pairs.begins))[pairs.pair] - log_votes
        chance = (np.exp(others - logsumexp(others, axis=1, keepdims=True)) * pairs.chances[pairs.pair]).sum(axis=1)
        agreed = np.where(pairs.outcome > 0.5, chance, 1 - chance)
        for person in range(len(eta)):
            own = agreed[(pairs.annotator == person) & (pairs.outcome != 0.5)][:, None]
            posterior[person] += np.log(GRID * own + (1 - GRID) * (1 - own)).sum(axis=0)
    upto = np.cumsum(np.exp(posterior - posterior.max(axis=1, keepdims=True)), axis=1)
    upto /= upto[:, -1:]
    low, high = (GRID[np.minimum((upto < level).sum(axis=1), len(GRID) - 1)] for level in (0.05, 0.95))
    return low, high
