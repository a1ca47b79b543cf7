"""Reliabilities without scores: coverage of their intervals, the gradient, and what a tie says."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from labeling.quality.crowd_bradley_terry import CAREFUL, Votes, fit
from labeling.quality.marginal import Pairs, objective, reliabilities


def judged(seed, *, items, completions=4, people=10, each=3):
    """Items whose completions three people compare, all pairs, and how reliable these are: drawn as the priors say."""
    rng = np.random.default_rng(seed)
    eta = rng.beta(*CAREFUL, people)
    votes = []
    for item in range(items):
        scores = rng.normal(0, 1.5, completions)
        for person in rng.choice(people, each, replace=False):
            for a, b in combinations(range(completions), 2):
                wins = rng.random() < 1 / (1 + np.exp(scores[b] - scores[a]))
                right = rng.random() < eta[person]
                votes.append((item * completions + a, item * completions + b, person, float(wins == right)))
    first, second, who, outcome = map(np.asarray, zip(*votes, strict=True))
    return eta, Votes.of(first=first, second=second, annotator=who, outcome=outcome)


def pairs_of(votes):
    return Pairs.of(
        first=votes.first, second=votes.second, annotator=votes.annotator, outcome=votes.outcome, deviation=1.5
    )


def found(pairs, people):
    return reliabilities(pairs, right=np.full(people, CAREFUL[0]), wrong=np.full(people, CAREFUL[1]))


@pytest.mark.parametrize("items", [8, 60])
def test_nine_of_ten_intervals_hold_the_truth_for_few_judgements_and_for_many(items):
    inside, errors = [], []
    for seed in range(15):
        eta, votes = judged(seed, items=items)
        fitted = fit(votes, num_completions=4 * items, num_annotators=10)
        inside.append((fitted.low <= eta) & (eta <= fitted.high))
        errors.append(fitted.reliabilities - eta)

    assert 0.84 <= np.mean(inside) <= 0.96  # of 150 intervals; those of the joint maximum held 0.85 and 0.35
    assert abs(np.mean(errors)) < 0.06


def test_a_pair_that_shares_no_completion_learns_nothing_from_others_and_one_that_does_comes_nearer():
    _, votes = judged(0, items=30, completions=2)
    _, triples = judged(0, items=30, completions=3)
    fitted = fit(votes, num_completions=60, num_annotators=10)
    more = fit(triples, num_completions=90, num_annotators=10)

    alone = pairs_of(votes).given_others(fitted.scores, fitted.reliabilities, deviation=1.5)
    shared = pairs_of(triples).given_others(more.scores, more.reliabilities, deviation=1.5)

    before = pairs_of(votes).chances
    assert alone.chances == pytest.approx(before, abs=0.05)
    assert np.abs(shared.chances - pairs_of(triples).chances).max() > 0.2


def test_the_gradient_is_that_of_finite_differences():
    pairs = pairs_of(judged(0, items=3, people=4)[1])
    pairs.outcome[:2] = 0.5
    right, wrong = np.array([8.0, 8, 9, 8]), np.array([2.0, 2, 2, 5])
    point = np.array([0.3, -1.2, 2.0, 0.0])

    def value(at):
        return objective(at, pairs, right, wrong)[0]

    def gradient(at):
        return objective(at, pairs, right, wrong)[1]

    gap = optimize.check_grad(value, gradient, point)

    assert gap < 1e-4


def test_the_likelihood_is_the_integral_over_all_differences():
    pairs = Pairs.of(
        first=np.array([0, 1, 0]),
        second=np.array([1, 0, 1]),
        annotator=np.array([0, 1, 2]),
        outcome=np.array([1.0, 1.0, 1.0]),
        deviation=1.5,
    )
    eta = np.array([0.9, 0.7, 0.6])

    def votes(d):
        p = 1 / (1 + np.exp(-d))
        said = [p, 1 - p, p]  # the second one said it of the pair turned around
        density = stats.norm.pdf(d, scale=1.5 * np.sqrt(2))
        return density * np.prod([e * q + (1 - e) * (1 - q) for e, q in zip(eta, said, strict=True)])

    value, _ = objective(np.log(eta / (1 - eta)), pairs, np.ones(3), np.ones(3))

    assert value == pytest.approx(-np.log(integrate.quad(votes, -20, 20)[0]), rel=1e-4)


def test_a_tie_says_nothing_of_who_says_it_and_who_said_nothing_keeps_the_prior():
    pairs = Pairs.of(
        first=np.array([0]), second=np.array([1]), annotator=np.array([0]), outcome=np.array([0.5]), deviation=1.5
    )

    value, low, high = found(pairs, 2)

    prior = stats.beta(*CAREFUL)
    assert value == pytest.approx([7 / 8, 7 / 8], abs=1e-4)
    assert low == pytest.approx([prior.ppf(0.05)] * 2, abs=0.005)
    assert high == pytest.approx([prior.ppf(0.95)] * 2, abs=0.005)


def test_without_any_vote_known_answers_decide():
    nobody = np.zeros(0, dtype=np.intp)
    pairs = Pairs.of(first=nobody, second=nobody, annotator=nobody, outcome=np.zeros(0), deviation=1.5)

    value, low, high = reliabilities(pairs, right=np.array([8.0 + 20]), wrong=np.array([2.0]))

    assert value == pytest.approx([27 / 28], abs=1e-4)
    assert (low[0], high[0]) == pytest.approx(tuple(stats.beta(28, 2).ppf([0.05, 0.95])), abs=0.005)
