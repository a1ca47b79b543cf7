"""Reliabilities of annotators beside scores of completions: recovery, and the gradient by finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from labeling.quality.crowd_bradley_terry import CAREFUL, Votes, fit, fit_plain, negative_log_posterior


def crowd(seed, *, num_completions=40, num_annotators=30, num_votes=1800, spammers=9, adversaries=4):
    """Votes of careful annotators, of some who answer by chance, and of some who answer the opposite."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.5, num_completions)
    eta = np.full(num_annotators, 0.95)
    eta[:spammers], eta[spammers : spammers + adversaries] = 0.5, 0.05
    pairs = np.array([rng.choice(num_completions, 2, replace=False) for _ in range(num_votes)])
    who = rng.integers(0, num_annotators, num_votes)
    wins = rng.random(num_votes) < 1 / (1 + np.exp(scores[pairs[:, 1]] - scores[pairs[:, 0]]))
    right = rng.random(num_votes) < eta[who]
    votes = Votes.of(first=pairs[:, 0], second=pairs[:, 1], annotator=who, outcome=(wins == right).astype(float))
    return scores, eta, votes


def area_under_curve(scores, positive):
    ranks = stats.rankdata(scores)
    hits, misses = positive.sum(), (~positive).sum()
    return (ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * misses)


def test_planted_spammers_and_adversaries_are_found_and_scores_recovered():
    order, plain_order, found = [], [], []
    for seed in range(8):
        scores, eta, votes = crowd(seed)
        fitted = fit(votes, num_completions=40, num_annotators=30)
        order.append(stats.kendalltau(scores, fitted.scores).statistic)
        plain_order.append(stats.kendalltau(scores, fit_plain(votes, num_completions=40)).statistic)
        found.append(area_under_curve(fitted.reliabilities, eta > 0.9))

    assert np.mean(order) >= 0.80
    assert np.mean(plain_order) < np.mean(order) - 0.08
    assert np.mean(found) >= 0.995


def test_reliabilities_come_out_as_they_were_planted():
    _, eta, votes = crowd(3, num_votes=20_000)

    fitted = fit(votes, num_completions=40, num_annotators=30)

    assert np.abs(fitted.reliabilities - eta).max() < 0.08


def test_the_gradient_is_that_of_finite_differences():
    _, _, votes = crowd(0, num_completions=6, num_annotators=4, num_votes=60, spammers=1, adversaries=1)
    votes = Votes.of(
        first=votes.first, second=votes.second, annotator=votes.annotator, outcome=[0.5, *votes.outcome[1:]]
    )
    point = np.random.default_rng(1).normal(0, 1, 10)

    def value(at):
        return negative_log_posterior(at, votes, 6, 1.5, CAREFUL)[0]

    def gradient(at):
        return negative_log_posterior(at, votes, 6, 1.5, CAREFUL)[1]

    gap = optimize.check_grad(value, gradient, point)

    assert gap < 1e-5


def test_plain_bradley_terry_gives_the_published_strengths_of_the_22_games_of_wikipedia():
    # Wins of A, B, C, D over each other; strengths with geometric mean 1 are 0.640, 1.043, 0.660, 2.270.
    wins = {(0, 1): 2, (0, 2): 0, (0, 3): 1, (1, 0): 3, (1, 2): 5, (1, 3): 0,
            (2, 0): 0, (2, 1): 3, (2, 3): 1, (3, 0): 4, (3, 1): 0, (3, 2): 3}  # fmt: skip
    rows = [pair for pair, times in wins.items() for _ in range(times)]
    first, second = zip(*rows, strict=True)

    scores = fit_plain(
        Votes.of(first=first, second=second, annotator=[0] * 22, outcome=[1.0] * 22),
        num_completions=4,
        score_deviation=1e4,
    )

    assert np.exp(scores) == pytest.approx([0.640, 1.043, 0.660, 2.270], rel=2e-3)


def test_a_tie_counts_half_a_vote_each_way():
    tie = fit(Votes.of(first=[0], second=[1], annotator=[0], outcome=[0.5]), num_completions=2, num_annotators=1)

    assert tie.scores == pytest.approx([0, 0], abs=1e-9)
    # Whatever the annotator's reliability, a tie of equals is as likely: the prior's mode stays.
    assert tie.reliabilities == pytest.approx([7 / 8], abs=1e-4)


def test_who_said_nothing_keeps_the_prior_and_what_nobody_compared_keeps_the_middle():
    fitted = fit(Votes.of(first=[0], second=[1], annotator=[0], outcome=[1]), num_completions=3, num_annotators=2)

    assert fitted.reliabilities[1] == pytest.approx(7 / 8, abs=1e-4)
    assert fitted.scores[0] > 0 > fitted.scores[1]
    assert fitted.scores[2] == pytest.approx(0, abs=1e-6)


def test_bad_votes_are_named():
    with pytest.raises(ValueError, match="completion 4 is compared with itself"):
        Votes.of(first=[4], second=[4], annotator=[0], outcome=[1])
    with pytest.raises(ValueError, match="an outcome is between 0 and 1, and one is nan"):
        Votes.of(first=[0], second=[1], annotator=[0], outcome=[float("nan")])
    with pytest.raises(ValueError, match="2 first, 1 second"):
        Votes.of(first=[0, 1], second=[1], annotator=[0], outcome=[1])
    with pytest.raises(ValueError, match=r"annotator 3 is not one of 0..1"):
        fit(Votes.of(first=[0], second=[1], annotator=[3], outcome=[1]), num_completions=2, num_annotators=2)
    with pytest.raises(ValueError, match="Beta"):
        fit(
            Votes.of(first=[0], second=[1], annotator=[0], outcome=[1]),
            num_completions=2,
            num_annotators=1,
            careful=(1, 2),
        )
