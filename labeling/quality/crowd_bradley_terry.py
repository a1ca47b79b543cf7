"""Bradley-Terry with a reliability for each annotator (Crowd-BT: Chen, Bennett, Collins-Thompson, Horvitz, 2013).

An annotator w is right with probability eta_w and reverses the comparison otherwise, so that

    P(w says a beats b) = eta_w sigma(s_a - s_b) + (1 - eta_w) sigma(s_b - s_a)

1 is a careful annotator, 1/2 one who answers by chance, and 0 one who answers the opposite. Scores and reliabilities
are the joint maximum of the posterior: scores have a normal prior, which also ties together completions that nobody
compared (those of different prompts), and reliabilities a Beta prior, which says that most people are careful. Without
it the mirror image (all scores and all annotators reversed) would be as likely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy.special import expit

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

CAREFUL = (8.0, 2.0)
"""Beta prior of a reliability: mean 0.8, worth ten comparisons (online-loop practice; Chen et al. use 10 and 1)."""


@dataclass(frozen=True, slots=True)
class Votes:
    """Comparisons by number: ``first``, ``second`` (N,) completions, ``annotator`` (N,), and ``outcome`` (N,).

    The outcome is 1 where the first won, 0 where the second did, and 1/2 for a tie: half a vote each way.
    """

    first: Indices
    second: Indices
    annotator: Indices
    outcome: Floats

    @classmethod
    def of(cls, *, first: ArrayLike, second: ArrayLike, annotator: ArrayLike, outcome: ArrayLike) -> Votes:
        """Votes from arrays of one length.

        Raises:
            ValueError: different lengths, a completion compared with itself, or an outcome outside 0..1.
        """
        a, b, w = (np.asarray(each, dtype=np.intp) for each in (first, second, annotator))
        y = np.asarray(outcome, dtype=np.float64)
        if not a.shape == b.shape == w.shape == y.shape:
            raise ValueError(
                f"votes need one of each: {a.size} first, {b.size} second, {w.size} annotators, {y.size} outcomes"
            )
        if (a == b).any():
            raise ValueError(f"completion {a[a == b][0]} is compared with itself")
        if not ((y >= 0) & (y <= 1)).all():
            raise ValueError(f"an outcome is between 0 and 1, and one is {y[~((y >= 0) & (y <= 1))][0]}")
        return cls(a, b, w, y)


@dataclass(frozen=True, slots=True)
class CrowdFit:
    """Scores (num_completions,), their mean 0, and reliabilities (num_annotators,) in 0..1 with their intervals.

    ``low`` and ``high`` are the 5 % and 95 % points of each reliability's posterior where the scores are as found.
    """

    scores: Floats
    reliabilities: Floats
    low: Floats
    high: Floats


Prior = tuple[float | Floats, float | Floats]
"""Of reliabilities, Beta(a, b); arrays (num_annotators,) give each annotator their own."""


def fit(
    votes: Votes,
    *,
    num_completions: int,
    num_annotators: int,
    score_deviation: float = 1.5,
    careful: tuple[float, float] = CAREFUL,
    known: ArrayLike | None = None,
) -> CrowdFit:
    """Scores and reliabilities of the largest posterior probability, by L-BFGS from equal scores and the prior's mean.

    Args:
        score_deviation: standard deviation of the normal prior on scores, in logits.
        careful: the Beta prior of reliabilities; both above 1, the first the larger.
        known: (num_annotators, 2) comparisons of known outcome that each was right and wrong about: they add to their
            prior, which is what such comparisons would do in the likelihood if their scores were infinitely far apart.

    Raises:
        ValueError: a number in the votes that is none of these completions or annotators, or a prior that is none.
    """
    _check(votes, num_completions, num_annotators, careful)
    prior = careful[0] / (careful[0] + careful[1])
    start = np.concatenate([np.zeros(num_completions), np.full(num_annotators, np.log(prior / (1 - prior)))])
    right, wrong = np.zeros((2, num_annotators)) if known is None else np.asarray(known, dtype=np.float64).T
    own: Prior = (careful[0] + right, careful[1] + wrong)

    def objective(point: Floats) -> tuple[float, Floats]:
        return negative_log_posterior(point, votes, num_completions, score_deviation, own)

    found = _minimize(objective, start)
    scores = found[:num_completions]
    low, high = _intervals(scores, votes, own)
    return CrowdFit(scores - scores.mean() if num_completions else scores, expit(found[num_completions:]), low, high)


def _intervals(scores: Floats, votes: Votes, careful: Prior) -> tuple[Floats, Floats]:
    """The 5 % and 95 % points of each reliability's posterior at these scores, on a grid of 250."""
    grid = (np.arange(250) + 0.5) / 250
    size = len(np.atleast_1d(careful[0]))
    posterior = np.multiply.outer(np.atleast_1d(careful[0]) - 1, np.log(grid))
    posterior += np.multiply.outer(np.atleast_1d(careful[1]) - 1, np.log1p(-grid))
    p = expit(scores[votes.first] - scores[votes.second])
    for person in range(size):
        own = votes.annotator == person
        said, chance = votes.outcome[own][:, None], p[own][:, None]
        q = np.clip(grid * chance + (1 - grid) * (1 - chance), 1e-12, 1 - 1e-12)
        posterior[person] += (said * np.log(q) + (1 - said) * np.log1p(-q)).sum(axis=0)
    upto = np.cumsum(np.exp(posterior - posterior.max(axis=1, keepdims=True)), axis=1)
    upto /= upto[:, -1:]
    low, high = (grid[np.minimum((upto < level).sum(axis=1), len(grid) - 1)] for level in (0.05, 0.95))
    return low, high


def fit_plain(votes: Votes, *, num_completions: int, score_deviation: float = 1.5) -> Floats:
    """Scores (num_completions,) of Bradley-Terry, where every annotator is always right; mean 0."""

    def objective(scores: Floats) -> tuple[float, Floats]:
        wins = expit(scores[votes.first] - scores[votes.second])
        residual = wins - votes.outcome
        loss = -np.sum(votes.outcome * np.log(wins) + (1 - votes.outcome) * np.log1p(-wins))
        gradient = np.bincount(votes.first, residual, num_completions) - np.bincount(
            votes.second, residual, num_completions
        )
        return float(loss + (scores**2).sum() / (2 * score_deviation**2)), gradient + scores / score_deviation**2

    scores = _minimize(objective, np.zeros(num_completions))
    centred: Floats = scores - scores.mean()
    return centred


def negative_log_posterior(
    point: Floats, votes: Votes, num_completions: int, score_deviation: float, careful: Prior
) -> tuple[float, Floats]:
    """The function that `fit` makes small, and its gradient, at scores and logits of reliabilities in one array.

    With p = sigma(s_a - s_b), q = eta p + (1 - eta)(1 - p) and r = y / q - (1 - y) / (1 - q):
    dlog P / d(s_a - s_b) = r (2 eta - 1) p (1 - p), and dlog P / dlogit(eta) = r (2 p - 1) eta (1 - eta).
    """
    scores, logits = point[:num_completions], point[num_completions:]
    eta = expit(logits)
    reliability = eta[votes.annotator]
    p = expit(scores[votes.first] - scores[votes.second])
    q = np.clip(reliability * p + (1 - reliability) * (1 - p), 1e-12, 1 - 1e-12)
    residual = votes.outcome / q - (1 - votes.outcome) / (1 - q)
    by_difference = residual * (2 * reliability - 1) * p * (1 - p)
    by_score = np.bincount(votes.first, by_difference, num_completions) - np.bincount(
        votes.second, by_difference, num_completions
    )
    by_logit = np.bincount(votes.annotator, residual * (2 * p - 1) * reliability * (1 - reliability), len(eta))
    likelihood = np.sum(votes.outcome * np.log(q) + (1 - votes.outcome) * np.log1p(-q))
    right, wrong = careful[0] - 1, careful[1] - 1
    # log eta = -log(1 + exp(-logit)), and log(1 - eta) = -log(1 + exp(logit)): no overflow at the ends.
    prior = -np.sum(right * np.logaddexp(0, -logits) + wrong * np.logaddexp(0, logits))
    shrinkage = (scores**2).sum() / (2 * score_deviation**2)
    gradient = np.concatenate([by_score - scores / score_deviation**2, by_logit + right * (1 - eta) - wrong * eta])
    return float(shrinkage - likelihood - prior), -gradient


def _minimize(objective: Callable[[Floats], tuple[float, Floats]], start: Floats) -> Floats:
    found = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    return np.asarray(found.x, dtype=np.float64)


def _check(votes: Votes, num_completions: int, num_annotators: int, careful: tuple[float, float]) -> None:
    for what, numbers, size in (
        ("completion", np.concatenate([votes.first, votes.second]), num_completions),
        ("annotator", votes.annotator, num_annotators),
    ):
        outside = numbers[(numbers < 0) | (numbers >= size)]
        if outside.size:
            raise ValueError(f"{what} {outside[0]} is not one of 0..{size - 1}")
    if not careful[0] > careful[1] >= 1:
        raise ValueError(f"the prior of reliabilities is Beta(a, b) with a > b >= 1, and not Beta{careful}")
