from __future__ import annotations

import math

import pytest
import torch

from alignment.core.rl import (
    clipped_policy_loss,
    clipped_value_loss,
    gae,
    group_advantages,
    kl_shaped_rewards,
    last_index,
    whiten,
)

NAN = math.nan


def table(*rows, dtype=torch.float64):
    return torch.tensor(rows, dtype=dtype)


def plain(metrics):
    return {name: (total.item(), count) for name, (total, count) in metrics.items()}


# Rewards


def test_score_stands_at_the_last_real_token_and_kl_at_every_token():
    logprobs = table([-1.0, -2.0, -3.0], [-1.0, -2.0, NAN], [NAN, -2.0, -3.0])
    reference = table([-1.5, -2.0, -2.0], [-1.0, -3.0, 0.0], [0.0, -2.0, -5.0])

    rewards = kl_shaped_rewards(table(10.0, 20.0, 30.0), logprobs, reference, ~logprobs.isnan(), beta=0.1)

    torch.testing.assert_close(rewards, table([-0.05, 0.0, 10.1], [0.0, 19.9, 0.0], [0.0, 0.0, 29.8]))


def test_completion_of_one_token_gets_both_terms():
    rewards = kl_shaped_rewards(
        table(1.0), table([-1.0, 0.0]), table([-3.0, 0.0]), torch.tensor([[True, False]]), beta=0.5
    )

    torch.testing.assert_close(rewards, table([0.0, 0.0]))  # 1 - 0.5 * 2


def test_rewards_carry_no_gradient():
    logprobs = table([-1.0, -2.0]).requires_grad_()

    rewards = kl_shaped_rewards(table(1.0), logprobs, table([-1.0, -1.0]), torch.ones(1, 2, dtype=torch.bool), beta=0.5)

    assert not rewards.requires_grad


def test_last_index_comes_from_the_mask_on_either_side():
    mask = torch.tensor([[True, True, True], [True, False, False], [False, False, True], [False, True, False]])

    assert last_index(mask).tolist() == [2, 0, 2, 1]


def test_rewards_refuse_wrong_input_by_name():
    values, mask = torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool)

    with pytest.raises(ValueError, match=r"scores holds nan for completion 1"):
        kl_shaped_rewards(torch.tensor([0.0, NAN]), values, values, mask, beta=0.1)
    with pytest.raises(ValueError, match=r"scores is \(2, 3\), must be \(2,\)"):
        kl_shaped_rewards(values, values, values, mask, beta=0.1)
    with pytest.raises(ValueError, match=r"completion 0 has no token"):
        kl_shaped_rewards(torch.zeros(2), values, values, ~mask, beta=0.1)
    with pytest.raises(ValueError, match=r"beta is -1"):
        kl_shaped_rewards(torch.zeros(2), values, values, mask, beta=-1.0)
    with pytest.raises(ValueError, match=r"reference_logprobs is float32 \(2, 2\)"):
        kl_shaped_rewards(torch.zeros(2), values, values[:, :2], mask, beta=0.1)


# Advantages


def test_gae_by_hand():
    rewards, values = table([1.0, 0.0, 2.0]), table([0.5, 1.0, -1.0])

    advantages, returns = gae(rewards, values, torch.ones(1, 3, dtype=torch.bool), gamma=0.5, lam=0.5)

    # deltas: 1 + 0.5 * 1 - 0.5 = 1;  0.5 * -1 - 1 = -1.5;  2 + 1 = 3.  A: 3;  -1.5 + 3 / 4;  1 - 0.75 / 4
    torch.testing.assert_close(advantages, table([0.8125, -0.75, 3.0]))
    torch.testing.assert_close(returns, table([1.3125, 0.25, 2.0]))


def test_lambda_one_gives_monte_carlo_returns():
    rewards, values = table([1.0, 2.0, 4.0]), table([3.0, -2.0, 0.7])

    _, returns = gae(rewards, values, torch.ones(1, 3, dtype=torch.bool), gamma=0.5, lam=1.0)

    torch.testing.assert_close(returns, table([3.0, 4.0, 4.0]))  # 1 + 2/2 + 4/4, 2 + 4/2, 4


def test_lambda_zero_gives_temporal_difference_errors():
    rewards, values = table([1.0, 2.0, 4.0]), table([3.0, -2.0, 0.5])

    advantages, _ = gae(rewards, values, torch.ones(1, 3, dtype=torch.bool), gamma=1.0, lam=0.0)

    torch.testing.assert_close(advantages, table([-4.0, 4.5, 3.5]))


@pytest.mark.parametrize(
    "places", [[0, 1, 2], [2, 3, 4], [0, 2, 4]], ids=["right padding", "left padding", "holes inside"]
)
def test_padding_changes_no_advantage(places):
    rewards, values = torch.full((1, 5), NAN, dtype=torch.float64), torch.full((1, 5), NAN, dtype=torch.float64)
    rewards[0, places], values[0, places] = table(1.0, 0.0, 2.0), table(0.5, 1.0, -1.0)

    advantages, returns = gae(rewards, values, ~rewards.isnan(), gamma=0.5, lam=0.5)

    torch.testing.assert_close(advantages[0, places], table(0.8125, -0.75, 3.0))
    torch.testing.assert_close(returns[0, places], table(1.3125, 0.25, 2.0))
    assert advantages.count_nonzero() == 3
    assert returns.count_nonzero() == 3


def test_gae_refuses_wrong_input_by_name():
    with pytest.raises(ValueError, match=r"gamma is 1\.1"):
        gae(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool), gamma=1.1, lam=1.0)
    with pytest.raises(ValueError, match=r"values is float32 \(1, 3\)"):
        gae(torch.zeros(1, 2), torch.zeros(1, 3), torch.ones(1, 2, dtype=torch.bool), gamma=1.0, lam=1.0)
    with pytest.raises(ValueError, match=r"mask is int64 \(1, 2\)"):
        gae(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.long), gamma=1.0, lam=1.0)


def test_whiten_gives_mean_zero_and_variance_one_over_what_counts():
    x = table([1.0, 2.0, 999.0], [3.0, 6.0, NAN])
    mask = torch.tensor([[True, True, False], [True, True, False]])

    whitened = whiten(x, mask)

    # mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5
    torch.testing.assert_close(
        whitened, table([-1.0690450, -0.5345225, 0.0], [0.0, 1.6035675, 0.0]), atol=1e-6, rtol=0.0
    )


def test_whiten_keeps_the_mean_only_when_told():
    x, mask = table([1.0, 2.0], [3.0, 6.0]), torch.ones(2, 2, dtype=torch.bool)

    whitened = whiten(x, mask, shift_mean=False)

    torch.testing.assert_close(whitened.mean(), torch.tensor(3.0, dtype=torch.float64))
    torch.testing.assert_close(whitened.var(unbiased=False), torch.tensor(1.0, dtype=torch.float64))


def test_whiten_takes_the_moments_of_all_processes():
    whitened = whiten(table([1.0, 5.0]), torch.ones(1, 2, dtype=torch.bool), moments=(table(3.0)[0], table(4.0)[0]))

    torch.testing.assert_close(whitened, table([-1.0, 1.0]))


def test_whiten_of_equal_values_is_zero_and_of_nothing_an_error():
    equal = torch.full((2, 2), 7.0)

    assert whiten(equal, torch.ones(2, 2, dtype=torch.bool)).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(ValueError, match=r"mask is all False"):
        whiten(equal, torch.zeros(2, 2, dtype=torch.bool))


def test_group_advantages_by_hand():
    rewards = table([1.0, 2.0, 6.0], [4.0, 4.0, 4.0])

    torch.testing.assert_close(group_advantages(rewards, kind="rloo"), table([-3.0, -1.5, 4.5], [0.0, 0.0, 0.0]))
    torch.testing.assert_close(group_advantages(rewards, kind="dr_grpo"), table([-2.0, -1.0, 3.0], [0.0, 0.0, 0.0]))
    # std sqrt(14 / 2) = 2.6457513
    torch.testing.assert_close(
        group_advantages(rewards, kind="grpo"), table([-0.7559003, -0.3779501, 1.1338504], [0.0, 0.0, 0.0])
    )


def test_rloo_baseline_is_the_mean_of_the_others():
    rewards = torch.tensor([[0.3, -1.0, 2.0, 5.0]])

    advantages = group_advantages(rewards, kind="rloo")

    # 0.3 - 6/3, -1 - 7.3/3, 2 - 4.3/3, 5 - 1.3/3
    torch.testing.assert_close(advantages, torch.tensor([[-1.7, -3.4333333, 0.5666667, 4.5666667]]))


def test_group_advantages_refuse_wrong_input_by_name():
    with pytest.raises(ValueError, match=r"rewards is \(4, 1\)"):
        group_advantages(torch.zeros(4, 1), kind="rloo")
    with pytest.raises(ValueError, match=r"kind is 'ppo'"):
        group_advantages(torch.zeros(4, 2), kind="ppo")  # type: ignore[arg-type]  # on purpose


# Clipped losses


def test_policy_loss_takes_the_worse_of_plain_and_clipped():
    ratio = table([1.5, 0.5, 1.5, 0.5, 1.1])
    advantages = table([1.0, 1.0, -1.0, -1.0, 2.0])

    loss, count, metrics = clipped_policy_loss(
        ratio.log(), torch.zeros(1, 5, dtype=torch.float64), advantages, torch.ones(1, 5, dtype=torch.bool), clip=0.2
    )

    # -1.2 (clipped), -0.5, 1.5, 0.8 (clipped), -2.2
    torch.testing.assert_close(loss, torch.tensor(-1.6, dtype=torch.float64))
    assert count == 5
    assert plain(metrics)["clip_share"] == (2.0, 5.0)
    torch.testing.assert_close(metrics["ratio"][0], torch.tensor(5.1, dtype=torch.float64))
    # sum of rho - 1 - ln rho, the k3 estimate of KL(old || new)
    assert plain(metrics)["approx_kl"] == (pytest.approx(0.5800540), 5.0)


def test_clipped_tokens_have_no_gradient():
    logprobs = table([0.5, -0.5, 0.0]).requires_grad_()

    loss, _, _ = clipped_policy_loss(
        logprobs, torch.zeros(1, 3).double(), table([1.0, -1.0, 1.0]), torch.ones(1, 3, dtype=torch.bool), clip=0.2
    )
    loss.backward()

    torch.testing.assert_close(logprobs.grad, table([0.0, 0.0, -1.0]))


def test_first_minibatch_has_ratio_one_and_no_kl():
    logprobs = table([-1.0, -2.0])

    _, _, metrics = clipped_policy_loss(
        logprobs, logprobs.clone(), table([3.0, -1.0]), torch.ones(1, 2, dtype=torch.bool), clip=0.2
    )

    assert plain(metrics) == {"ratio": (2.0, 2.0), "approx_kl": (0.0, 2.0), "clip_share": (0.0, 2.0)}


def test_value_loss_takes_the_worse_of_plain_and_clipped():
    values, old, returns = table([2.0, 0.1, 0.5]), table([0.0, 0.0, 0.0]), table([1.0, 1.0, 3.0])
    mask = torch.ones(1, 3, dtype=torch.bool)

    loss, count, metrics = clipped_value_loss(values, old, returns, mask, clip=0.2)

    # max(1, 0.64), max(0.81, 0.81), max(6.25, 7.84), halved
    torch.testing.assert_close(loss, torch.tensor((1.0 + 0.81 + 7.84) / 2, dtype=torch.float64))
    assert count == 3
    assert plain(metrics)["value_clip_share"] == (1.0, 3.0)
    torch.testing.assert_close(metrics["value_error"][0], torch.tensor(1.0 + 0.9 + 2.5, dtype=torch.float64))
    unclipped, _, _ = clipped_value_loss(values, old, returns, mask, clip=None)
    torch.testing.assert_close(unclipped, torch.tensor((1.0 + 0.81 + 6.25) / 2, dtype=torch.float64))


def test_padding_changes_neither_clipped_loss_nor_their_gradients():
    mask = torch.tensor([[True, False, True]])
    new, old, weight = table([-1.0, NAN, -2.0]), table([-1.1, NAN, -2.2]), table([1.0, NAN, -3.0])
    new.requires_grad_()
    short = table([-1.0, -2.0]).requires_grad_()
    everything = torch.ones(1, 2, dtype=torch.bool)

    for padded, whole in (
        (
            clipped_policy_loss(new, old, weight, mask, clip=0.2),
            clipped_policy_loss(short, old[mask][None], weight[mask][None], everything, clip=0.2),
        ),
        (
            clipped_value_loss(new, old, weight, mask, clip=0.05),
            clipped_value_loss(short, old[mask][None], weight[mask][None], everything, clip=0.05),
        ),
    ):
        new.grad = short.grad = None
        padded[0].backward()
        whole[0].backward()

        torch.testing.assert_close(padded[0], whole[0])
        assert (padded[1], plain(padded[2])) == (whole[1], plain(whole[2]))
        torch.testing.assert_close(new.grad[mask], short.grad[0])
        assert new.grad[0, 1] == 0


def test_splitting_a_batch_changes_neither_sum_nor_count():
    torch.manual_seed(0)
    new, old, weight = torch.randn(3, 6, 4, dtype=torch.float64)
    mask = torch.rand(6, 4) < 0.7

    whole = clipped_policy_loss(new, old, weight, mask, clip=0.2)

    parts = [clipped_policy_loss(new[i], old[i], weight[i], mask[i], clip=0.2) for i in (slice(0, 1), slice(1, 6))]
    torch.testing.assert_close(parts[0][0] + parts[1][0], whole[0])
    assert parts[0][1] + parts[1][1] == whole[1]


def test_extreme_log_ratios_have_finite_losses_and_gradients():
    logprobs = torch.tensor([[-1e4, 0.0, -1e4, 0.0]], requires_grad=True)
    old = torch.tensor([[0.0, -1e4, 0.0, -1e4]])

    loss, _, metrics = clipped_policy_loss(
        logprobs, old, torch.tensor([[1.0, 1.0, -1.0, -1.0]]), torch.ones(1, 4, dtype=torch.bool), clip=0.2
    )
    loss.backward()

    assert torch.isfinite(loss)
    assert logprobs.grad is not None
    assert torch.isfinite(logprobs.grad).all()
    assert torch.isfinite(metrics["approx_kl"][0])
