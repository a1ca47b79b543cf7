"""Bradley-Terry with a reliability for each annotator (Crowd-BT: Chen, Bennett, Collins-Thompson, Horvitz, 2013).

An annotator w is right with probability eta_w and reverses the comparison otherwise, so that

    P(w says a beats b) = eta_w sigma(s_a - s_b) + (1 - eta_w) sigma(s_b - s_a)

1 is a careful annotator, 1/2 one who answers by chance, and 0 one who answers the opposite. Reliabilities are
found over all scores that may be (quality.marginal), and scores as the most probable at these, in turns. Scores have a
normal prior, which also ties together completions that nobody compared (those of different prompts), and reliabilities
a Beta prior, which says that most people are careful. Without it the mirror image (all scores and all annotators
reversed) would be as likely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy.special import expit

from labeling.quality.marginal import Pairs, reliabilities

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

CAREFUL = (8.0, 2.0)
"""Beta prior of a reliability: mean 0.8, worth ten comparisons (online-loop practice; Chen et al. use 10 and 1)."""


ROUNDS = 2
"""So many times scores and reliabilities take each other up."""


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

    ``low`` and ``high`` are the 5 % and 95 % points of each reliability's posterior, over all scores that may be.
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
    """Reliabilities of the largest posterior probability, the scores integrated out, and scores at these, in turns.

    Args:
        score_deviation: standard deviation of the normal prior on scores, in logits.
        careful: the Beta prior of reliabilities; both above 1, the first the larger.
        known: (num_annotators, 2) comparisons of known outcome that each was right and wrong about: they add to their
            prior, which is what such comparisons would do in the likelihood if their scores were infinitely far apart.

    Raises:
        ValueError: a number in the votes that is none of these completions or annotators, or a prior that is none.
    """
    _check(votes, num_completions, num_annotators, careful)
    right, wrong = np.zeros((2, num_annotators)) if known is None else np.asarray(known, dtype=np.float64).T
    own = (careful[0] + right, careful[1] + wrong)
    pairs = Pairs.of(
        first=votes.first,
        second=votes.second,
        annotator=votes.annotator,
        outcome=votes.outcome,
        deviation=score_deviation,
    )
    eta, low, high = reliabilities(pairs, right=own[0], wrong=own[1])
    scores = np.zeros(num_completions)
    for _ in range(ROUNDS):
        scores = _scores_at(eta, scores, votes, score_deviation, own)
        pairs = pairs.given_others(scores, eta, deviation=score_deviation)
        eta, low, high = reliabilities(pairs, right=own[0], wrong=own[1])
    return CrowdFit(scores - scores.mean() if num_completions else scores, eta, low, high)


def _scores_at(eta: Floats, start: Floats, votes: Votes, deviation: float, careful: Prior) -> Floats:
    """The most probable scores at these reliabilities."""
    logits = np.log(eta) - np.log1p(-eta)

    def objective(scores: Floats) -> tuple[float, Floats]:
        point = np.concatenate([scores, logits])
        value, gradient = negative_log_posterior(point, votes, len(start), deviation, careful)
        return value, gradient[: len(start)]

    return _minimize(objective, start) if len(start) else start


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
    """The function that scores make small, and its gradient, at scores and logits of reliabilities in one array.

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
