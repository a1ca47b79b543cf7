"""Known parameters come back from simulated judgements, within their confidence intervals."""

from __future__ import annotations

import numpy as np
import torch

from alignment.core.likelihoods import bradley_terry, davidson, ordered_logit, rao_kupper
from tests.estimation import assert_recovered, fit


def simulate_pairs(generator, truth, num):
    first = generator.integers(0, len(truth), num)
    second = (first + generator.integers(1, len(truth), num)) % len(truth)
    return first, second, truth[first] - truth[second]


def differences(scores, first, second):
    scores = torch.cat([scores, -scores.sum()[None]])  # the scores of the truth sum to 0
    return scores[torch.tensor(first)] - scores[torch.tensor(second)]


TRUTH = np.array([1.2, 0.5, 0.0, -0.6, -1.1])


def test_bradley_terry_recovers_the_scores():
    generator = np.random.default_rng(1)
    first, second, gap = simulate_pairs(generator, TRUTH, 8000)
    won = torch.tensor(np.where(generator.random(8000) < 1 / (1 + np.exp(-gap)), 1.0, -1.0))

    estimate, error = fit(lambda p: bradley_terry(won * differences(p, first, second)), np.zeros(4))

    assert_recovered(estimate, error, TRUTH[:4])


def test_robust_bradley_terry_recovers_the_scores_from_flipped_labels_and_the_plain_one_does_not():
    generator = np.random.default_rng(2)
    first, second, gap = simulate_pairs(generator, TRUTH, 20000)
    won = np.where(generator.random(20000) < 1 / (1 + np.exp(-gap)), 1.0, -1.0)
    seen = torch.tensor(np.where(generator.random(20000) < 0.2, -won, won))

    robust, _ = fit(
        lambda p: bradley_terry(seen * differences(p, first, second), smoothing=0.2, robust=True), np.zeros(4)
    )
    plain, _ = fit(lambda p: bradley_terry(seen * differences(p, first, second)), np.zeros(4))

    np.testing.assert_allclose(robust, TRUTH[:4], atol=0.15)
    assert plain[0] < 0.8  # 1.2 in truth: flips shrink the scores


def test_davidson_recovers_the_scores_and_the_propensity_to_tie():
    generator = np.random.default_rng(3)
    first, second, gap = simulate_pairs(generator, TRUTH, 8000)
    weights = np.stack([np.exp(gap / 2), np.full_like(gap, 2 * 0.7), np.exp(-gap / 2)])
    draw = generator.random(8000) * weights.sum(0)
    outcome = torch.tensor(1 - (draw > weights[0]).astype(int) - (draw > weights[:2].sum(0)).astype(int))

    estimate, error = fit(lambda p: davidson(differences(p[:4], first, second), outcome, nu=p[4].exp()), np.zeros(5))

    assert_recovered(estimate, error, np.append(TRUTH[:4], np.log(0.7)))


def test_rao_kupper_recovers_the_scores_and_the_threshold():
    generator = np.random.default_rng(4)
    first, second, gap = simulate_pairs(generator, TRUTH, 8000)
    latent = gap + generator.logistic(size=8000)
    outcome = torch.tensor((latent > 0.5).astype(int) - (latent < -0.5).astype(int))

    estimate, error = fit(
        lambda p: rao_kupper(differences(p[:4], first, second), outcome, alpha=p[4].exp()), np.zeros(5)
    )

    assert_recovered(estimate, error, np.append(TRUTH[:4], np.log(0.5)))


def test_ordered_logit_recovers_the_scores_and_the_cuts():
    generator = np.random.default_rng(5)
    cuts = np.array([-2.0, -1.0, -0.3, 0.4, 1.1, 2.2])
    who = generator.integers(0, 5, 8000)
    latent = TRUTH[who] + generator.logistic(size=8000)
    ratings = torch.tensor(1 + (latent[:, None] > cuts).sum(1))

    def loss_of(p):
        scores = torch.cat([p[:4], -p[:4].sum()[None]])[torch.tensor(who)]
        return ordered_logit(scores, ratings, torch.cat([p[4:5], p[4:5] + p[5:].exp().cumsum(0)]))

    estimate, error = fit(loss_of, np.concatenate([np.zeros(4), [-1.5], np.full(5, -0.5)]))

    assert_recovered(estimate, error, np.concatenate([TRUTH[:4], cuts[:1], np.log(np.diff(cuts))]))


def test_accuracy_of_the_recovered_scores_reaches_the_ceiling_of_the_true_ones():
    generator = np.random.default_rng(6)
    first, second, gap = simulate_pairs(generator, TRUTH, 8000)
    won = torch.tensor(np.where(generator.random(8000) < 1 / (1 + np.exp(-gap)), 1.0, -1.0))

    estimate, _ = fit(lambda p: bradley_terry(won * differences(p, first, second)), np.zeros(4))

    scores = np.append(estimate, -estimate.sum())
    gaps = np.abs(TRUTH[:, None] - TRUTH[None])[np.triu_indices(5, 1)]  # all pairs are equally likely to be judged
    ceiling = (1 / (1 + np.exp(-gaps))).mean()
    first, second, gap = simulate_pairs(generator, TRUTH, 200_000)
    won_again = generator.random(200_000) < 1 / (1 + np.exp(-gap))
    accuracy = ((scores[first] > scores[second]) == won_again).mean()
    assert abs(accuracy - ceiling) < 3.5 * 0.5 / np.sqrt(200_000)
    assert ceiling < 0.8  # nobody can do better than that


# What annotators differ in: how sharply they see, how often they call a tie, how generously they rate


def test_bradley_terry_recovers_how_sharply_each_annotator_sees():
    """P(first wins) = sigma(a_k d): a careful one, the unit, a random clicker, a contrarian."""
    sharpness = np.array([2.0, 1.0, 0.0, -0.8])
    generator = np.random.default_rng(7)
    first, second, gap = simulate_pairs(generator, TRUTH, 16000)
    who = generator.integers(0, 4, 16000)
    won = torch.tensor(np.where(generator.random(16000) < 1 / (1 + np.exp(-sharpness[who] * gap)), 1.0, -1.0))

    def loss_of(p):
        seen = torch.cat([p[4:5], torch.ones(1, dtype=torch.float64), p[5:]])
        return bradley_terry(won * seen[torch.tensor(who)] * differences(p[:4], first, second))

    estimate, error = fit(loss_of, np.concatenate([np.zeros(4) + 0.01, [1.0, 0.5, 0.5]]))

    assert_recovered(estimate[:4], error[:4], TRUTH[:4])
    assert_recovered(estimate[4:], error[4:], sharpness[[0, 2, 3]])


def test_davidson_recovers_how_often_each_annotator_calls_a_tie():
    nu = np.array([0.1, 0.7, 2.0])
    generator = np.random.default_rng(8)
    first, second, gap = simulate_pairs(generator, TRUTH, 16000)
    who = generator.integers(0, 3, 16000)
    weights = np.stack([np.exp(gap / 2), 2 * nu[who], np.exp(-gap / 2)])
    draw = generator.random(16000) * weights.sum(0)
    outcome = torch.tensor(1 - (draw > weights[0]).astype(int) - (draw > weights[:2].sum(0)).astype(int))

    def loss_of(p):
        return davidson(differences(p[:4], first, second), outcome, nu=p[4:].exp()[torch.tensor(who)])

    estimate, error = fit(loss_of, np.zeros(7))

    assert_recovered(estimate, error, np.append(TRUTH[:4], np.log(nu)))


def test_ordered_logit_recovers_how_generously_each_annotator_rates():
    """Cuts of their own, one for all annotators moved by an offset; the first annotator's is 0."""
    cuts, offset = np.array([-2.0, -1.0, -0.3, 0.4, 1.1, 2.2]), np.array([0.0, 0.9, -1.2])
    generator = np.random.default_rng(9)
    what, who = generator.integers(0, 5, 12000), generator.integers(0, 3, 12000)
    latent = TRUTH[what] + offset[who] + generator.logistic(size=12000)
    ratings = torch.tensor(1 + (latent[:, None] > cuts).sum(1))

    def loss_of(p):
        scores = torch.cat([p[:4], -p[:4].sum()[None]])[torch.tensor(what)]
        generous = torch.cat([torch.zeros(1, dtype=torch.float64), p[4:6]])[torch.tensor(who)]
        return ordered_logit(scores, ratings, torch.tensor(cuts) - generous[:, None])

    estimate, error = fit(loss_of, np.zeros(6))

    assert_recovered(estimate, error, np.concatenate([TRUTH[:4], offset[1:]]))
