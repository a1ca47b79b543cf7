from __future__ import annotations

import math
from itertools import combinations, permutations, product

import numpy as np
import pytest
import torch

from alignment.core.likelihoods import davidson
from alignment.core.rankings import best_of, center, davidson_luce, plackett_luce
from tests.estimation import assert_recovered, fit


def rows(*values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype)


def everything(tensor):
    return torch.ones_like(tensor, dtype=torch.bool)


def strict_loss(scores, order):
    """-log of the probability of placing `order` one after the other, each chosen in proportion to e^score."""
    left = list(order)
    probability = 1.0
    for k in order:
        probability *= math.exp(scores[k]) / sum(math.exp(scores[j]) for j in left)
        left.remove(k)
    return -math.log(probability)


def averaged_loss(scores, ranks):
    """The mean strict loss over every order of the completions that doesn't contradict the ranks."""
    orders = [o for o in permutations(range(len(ranks))) if [ranks[k] for k in o] == sorted(ranks)]
    return sum(strict_loss(scores, order) for order in orders) / len(orders)


def both_ways(scores, ranks, mask):
    return plackett_luce(scores, ranks, mask) + davidson_luce(scores, ranks, mask, nu=0.3)


def test_plackett_luce_of_three_is_the_product_of_two_choices():
    scores = rows([math.log(3.0), math.log(2.0), 0.0])

    loss = plackett_luce(scores, torch.tensor([[1, 2, 3]]), everything(scores))

    # 3/6 for the first place, 2/3 for the second
    torch.testing.assert_close(loss, rows(math.log(3.0)))


def test_plackett_luce_of_two_is_bradley_terry():
    scores = rows([1.5, 0.3], [0.3, 1.5])

    loss = plackett_luce(scores, torch.tensor([[1, 2], [1, 2]]), everything(scores))

    torch.testing.assert_close(loss, rows(math.log1p(math.exp(-1.2)), math.log1p(math.exp(1.2))))


def test_plackett_luce_probabilities_of_all_orders_sum_to_one():
    orders = torch.tensor(list(permutations(range(1, 5))))
    scores = rows([0.7, -1.1, 2.0, 0.1]).expand(len(orders), -1)

    loss = plackett_luce(scores, orders, everything(scores))

    torch.testing.assert_close((-loss).exp().sum(), torch.tensor(1.0, dtype=torch.float64))


def test_first_place_of_plackett_luce_is_best_of():
    orders = torch.tensor([ranks for ranks in permutations(range(1, 5)) if ranks[2] == 1])
    scores = rows([0.7, -1.1, 2.0, 0.1]).expand(len(orders), -1)

    probability = (-plackett_luce(scores, orders, everything(scores))).exp().sum()

    loss = best_of(scores[:1], torch.tensor([2]), everything(scores[:1]))
    torch.testing.assert_close(-probability.log()[None], loss)


def test_tie_of_two_costs_half_a_win_each():
    scores = rows([0.0, 0.0], [1.0, 0.0])

    loss = plackett_luce(scores, torch.tensor([[1, 1], [1, 1]]), everything(scores))

    # (ln(1 + e^-1) + ln(1 + e)) / 2
    torch.testing.assert_close(loss, rows(math.log(2.0), 0.8132616875182228))


def test_every_weak_order_of_four_is_the_mean_over_its_strict_orders():
    scores = [0.7, -1.1, 2.0, 0.1]
    ranks = list(product(range(1, 5), repeat=4))

    loss = plackett_luce(
        rows(scores).expand(len(ranks), -1), torch.tensor(ranks), torch.ones(len(ranks), 4, dtype=torch.bool)
    )

    torch.testing.assert_close(loss, rows(*(averaged_loss(scores, r) for r in ranks)))


def test_seven_completions_in_tied_groups_are_the_mean_over_their_strict_orders():
    scores = [0.3, -0.4, 1.9, 0.0, 2.2, -3.0, 0.5]
    ranks = [2, 2, 1, 3, 1, 3, 3]

    loss = plackett_luce(rows(scores), torch.tensor([ranks]), torch.ones(1, 7, dtype=torch.bool))

    torch.testing.assert_close(loss, rows(averaged_loss(scores, ranks)))


def test_all_nine_tied_at_equal_scores_cost_the_log_of_the_number_of_orders():
    scores = torch.full((1, 9), 3.0, dtype=torch.float64, requires_grad=True)

    loss = plackett_luce(scores, torch.ones(1, 9, dtype=torch.long), everything(scores))
    loss.sum().backward()

    torch.testing.assert_close(loss.detach(), rows(math.log(362880)))  # 9!
    torch.testing.assert_close(scores.grad, torch.zeros(1, 9, dtype=torch.float64))


def test_order_of_the_completions_does_not_matter():
    torch.manual_seed(0)
    scores, ranks = torch.randn(5, 9, dtype=torch.float64), torch.randint(1, 5, (5, 9))
    mask = torch.rand(5, 9) < 0.8
    order = torch.randperm(9)

    loss = both_ways(scores, ranks, mask)

    torch.testing.assert_close(both_ways(scores[:, order], ranks[:, order], mask[:, order]), loss)


def test_only_the_order_of_ranks_matters_and_not_their_distance():
    scores = rows([0.1, 0.9, -0.5])

    dense = both_ways(scores, torch.tensor([[1, 2, 2]]), everything(scores))

    torch.testing.assert_close(both_ways(scores, torch.tensor([[3, 7, 7]]), everything(scores)), dense)


def test_adding_a_constant_to_all_scores_changes_no_ranking_loss():
    scores = rows([0.1, 0.9, -0.5])
    ranks, best = torch.tensor([[2, 1, 2]]), torch.tensor([1])

    moved = scores + 17.0

    torch.testing.assert_close(
        both_ways(moved, ranks, everything(scores)), both_ways(scores, ranks, everything(scores))
    )
    torch.testing.assert_close(best_of(moved, best, everything(scores)), best_of(scores, best, everything(scores)))


@pytest.mark.parametrize("rubbish", [0.0, 1e30, math.nan, math.inf])
def test_masked_completions_change_neither_loss_nor_gradient(rubbish):
    short = rows([0.1, 0.9, -0.5]).requires_grad_()
    padded = rows([0.1, rubbish, 0.9, -0.5]).requires_grad_()
    mask = torch.tensor([[True, False, True, True]])

    losses = [
        both_ways(short, torch.tensor([[2, 1, 1]]), everything(short))
        + best_of(short, torch.tensor([2]), everything(short))
        + center(short, everything(short)),
        both_ways(padded, torch.tensor([[2, 0, 1, 1]]), mask)
        + best_of(padded, torch.tensor([3]), mask)
        + center(padded, mask),
    ]
    for loss in losses:
        loss.sum().backward()

    torch.testing.assert_close(losses[1], losses[0])
    torch.testing.assert_close(padded.grad[mask], short.grad[0])
    assert padded.grad[0, 1] == 0


def test_ranking_of_one_completion_says_nothing():
    scores = torch.tensor([[4.0, 9.0]], requires_grad=True)
    mask = torch.tensor([[False, True]])

    loss = both_ways(scores, torch.tensor([[0, 1]]), mask) + center(scores, mask)
    loss.sum().backward()

    assert loss.tolist() == [0.0]
    torch.testing.assert_close(scores.grad, torch.zeros(1, 2))


def test_extreme_scores_have_finite_losses_and_gradients():
    scores = torch.tensor([[-1e4, 1e4, 0.0], [1e4, -1e4, 0.0]], requires_grad=True)
    ranks = torch.tensor([[1, 2, 2], [1, 3, 2]])

    loss = plackett_luce(scores, ranks, everything(scores))
    loss.sum().backward()

    # First row: -1e4 placed before 1e4 costs 2e4, then the tie of 1e4 and 0 costs 1e4 / 2.
    torch.testing.assert_close(loss.detach(), torch.tensor([25000.0, 0.0]))
    torch.testing.assert_close(scores.grad, torch.tensor([[-1.0, 1.5, -0.5], [0.0, 0.0, 0.0]]))


def test_extreme_scores_have_finite_losses_and_gradients_with_ties_that_have_a_probability():
    scores = torch.tensor([[-1e4, 1e4, 0.0], [1e4, -1e4, 0.0]], requires_grad=True)
    ranks = torch.tensor([[1, 2, 2], [1, 3, 2]])

    loss = davidson_luce(scores, ranks, everything(scores), nu=0.5)
    loss.sum().backward()

    # 1e4 left behind costs 2e4, then its tie with 0, of mean 5e3, costs 5e3.
    torch.testing.assert_close(loss.detach(), torch.tensor([25000.0, 0.0]))
    torch.testing.assert_close(scores.grad, torch.tensor([[-1.0, 1.5, -0.5], [0.0, 0.0, 0.0]]))


# Davidson-Luce: ties with a probability of their own


def weak_orders(count):
    """Every weak order of so many completions, as ranks without holes: 1, 3, 13, 75, ..."""
    return [
        ranks for ranks in product(range(1, count + 1), repeat=count) if set(ranks) == set(range(1, max(ranks) + 1))
    ]


def choice_loss(scores, ranks, nu):
    """-log of the probability of choosing the tied groups one after the other, each out of all sets that are left."""
    left = list(range(len(scores)))
    probability = 1.0
    for rank in sorted(set(ranks)):
        weights = {
            chosen: (2 * nu) ** (size - 1) * math.prod(math.exp(scores[k]) for k in chosen) ** (1 / size)
            for size in range(1, len(left) + 1)
            for chosen in combinations(left, size)
        }
        group = tuple(k for k in left if ranks[k] == rank)
        probability *= weights[group] / sum(weights.values())
        left = [k for k in left if k not in group]
    return -math.log(probability)


def test_davidson_luce_of_two_is_davidson():
    scores = rows(*[[1.5, 0.3]] * 3)

    loss = davidson_luce(scores, torch.tensor([[1, 2], [1, 1], [2, 1]]), everything(scores), nu=0.7)

    torch.testing.assert_close(loss, davidson(scores[:, 0] - scores[:, 1], torch.tensor([1, 0, -1]), nu=0.7))


def test_davidson_luce_of_three_by_hand():
    scores = rows([math.log(4.0), 0.0, 0.0])

    loss = davidson_luce(scores, torch.tensor([[1, 1, 2]]), everything(scores), nu=1.0)

    # delta = 1, 2, 4. Alone: 4, 1, 1; in twos: 2 sqrt(4), 2 sqrt(4), 2; all: 4 * 4^(1/3). The last one stays alone.
    torch.testing.assert_close((-loss).exp(), rows(4 / (4 + 1 + 1 + 4 + 4 + 2 + 4 * 4 ** (1 / 3))))


@pytest.mark.parametrize(("count", "number"), [(2, 3), (3, 13), (4, 75)])
def test_davidson_luce_probabilities_of_all_weak_orders_sum_to_one(count, number):
    orders = torch.tensor(weak_orders(count))
    scores = rows([0.7, -1.1, 2.0, 0.1][:count]).expand(len(orders), -1)

    loss = davidson_luce(scores, orders, everything(scores), nu=0.4)

    assert len(orders) == number
    torch.testing.assert_close((-loss).exp().sum(), torch.tensor(1.0, dtype=torch.float64))


def test_davidson_luce_of_every_weak_order_of_four_is_the_product_of_its_choices():
    scores, orders = [0.7, -1.1, 2.0, 0.1], weak_orders(4)

    loss = davidson_luce(
        rows(scores).expand(len(orders), -1), torch.tensor(orders), torch.ones(len(orders), 4, dtype=torch.bool), nu=0.4
    )

    torch.testing.assert_close(loss, rows(*(choice_loss(scores, ranks, 0.4) for ranks in orders)))


def test_davidson_luce_without_ties_is_plackett_luce():
    orders = torch.tensor(list(permutations(range(1, 5))))
    scores = rows([0.7, -1.1, 2.0, 0.1]).expand(len(orders), -1)
    expected = rows(*(strict_loss([0.7, -1.1, 2.0, 0.1], sorted(range(4), key=o.__getitem__)) for o in orders.tolist()))

    torch.testing.assert_close(davidson_luce(scores, orders, everything(scores), nu=0.0), expected)
    torch.testing.assert_close(davidson_luce(scores, orders, everything(scores), nu=1e-12), expected)
    with pytest.raises(ValueError, match=r"nu is 0, which makes ties impossible, and there is a tie"):
        davidson_luce(scores[:1], torch.tensor([[1, 2, 2, 3]]), everything(scores[:1]), nu=0.0)


def test_davidson_luce_recovers_the_scores_and_the_propensity_to_tie():
    truth, nu = [0.9, 0.2, -0.3, -0.8], 0.25
    orders = weak_orders(4)
    probabilities = np.exp([-choice_loss(truth, ranks, nu) for ranks in orders])
    drawn = np.random.default_rng(0).choice(len(orders), size=3000, p=probabilities / probabilities.sum())
    seen, times = np.unique(drawn, return_counts=True)
    ranks, counts = torch.tensor(orders)[seen], torch.tensor(times)

    def loss_of(parameters):
        scores = torch.cat([parameters[:3], -parameters[:3].sum()[None]]).expand(len(ranks), -1)
        return counts * davidson_luce(scores, ranks, everything(ranks), nu=parameters[3].exp())

    estimate, error = fit(loss_of, np.zeros(4))

    assert_recovered(estimate, error, np.array([*truth[:3], math.log(nu)]))


def test_best_of_four_is_the_cross_entropy_of_the_choice():
    scores = rows([0.0, math.log(2.0), math.log(3.0), math.log(4.0)])

    loss = best_of(scores, torch.tensor([2]), everything(scores))

    torch.testing.assert_close(loss, rows(math.log(10 / 3)))


def test_best_of_two_is_bradley_terry():
    scores = rows([1.5, 0.3], [0.3, 1.5])

    loss = best_of(scores, torch.tensor([0, 0]), everything(scores))

    torch.testing.assert_close(loss, rows(math.log1p(math.exp(-1.2)), math.log1p(math.exp(1.2))))


def test_center_is_the_mean_over_pairs_of_the_squared_sum():
    scores = rows([1.0, 2.0, -4.0], [1.0, 2.0, 99.0])
    mask = torch.tensor([[True, True, True], [True, True, False]])

    penalty = center(scores, mask)

    # (3^2 + (-3)^2 + (-2)^2) / 3 and 3^2
    torch.testing.assert_close(penalty, rows(22 / 3, 9.0))


def test_rankings_refuse_wrong_input_by_name():
    scores, mask = torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool)
    ranks = torch.ones(2, 3, dtype=torch.long)

    with pytest.raises(ValueError, match=r"ranks holds 0"):
        plackett_luce(scores, ranks - 1, mask)
    with pytest.raises(ValueError, match=r"ranks is float32 \(2, 3\)"):
        plackett_luce(scores, ranks.float(), mask)
    with pytest.raises(ValueError, match=r"ranks is int64 \(2, 2\)"):
        plackett_luce(scores, ranks[:, :2], mask)
    with pytest.raises(ValueError, match=r"mask is int64 \(2, 3\)"):
        plackett_luce(scores, ranks, mask.long())
    with pytest.raises(ValueError, match=r"scores is float32 \(2,\)"):
        plackett_luce(scores[:, 0], ranks[:, 0], mask[:, 0])
    with pytest.raises(ValueError, match=r"at most 12"):
        plackett_luce(torch.zeros(1, 13), torch.ones(1, 13, dtype=torch.long), torch.ones(1, 13, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"best holds 3, there are 3"):
        best_of(scores, torch.tensor([0, 3]), mask)
    with pytest.raises(ValueError, match=r"best holds 1 in row 1"):
        best_of(scores, torch.tensor([0, 1]), torch.tensor([[True, True, True], [True, False, True]]))
    with pytest.raises(ValueError, match=r"best is float32"):
        best_of(scores, torch.zeros(2), mask)
