from __future__ import annotations

import math

import pytest
import torch

from alignment.core.statistics.kl import AdaptiveKL, best_of_n_kl, k1, k2, k3, kl_budget, token_kl
from tests.toy_language import MASK, STATES, make_policy, sequence_logprobs, token_logprobs


@pytest.fixture
def policy():
    return make_policy(0)


@pytest.fixture
def reference():
    return make_policy(1)


@pytest.fixture
def exact(policy, reference):
    """KL of the sequences by its definition."""
    logp = sequence_logprobs(policy)
    return (logp.exp() * (logp - sequence_logprobs(reference))).sum()


def test_estimators_by_hand():
    logprobs, reference = torch.tensor([-1.0, -2.0]), torch.tensor([-1.5, -1.0])

    torch.testing.assert_close(k1(logprobs, reference), torch.tensor([0.5, -1.0]))
    torch.testing.assert_close(k2(logprobs, reference), torch.tensor([0.125, 0.5]))
    # e^-0.5 - 0.5 and e - 2
    torch.testing.assert_close(k3(logprobs, reference), torch.tensor([0.10653066, 0.71828183]))


def test_k1_and_k3_of_sequences_have_the_kl_as_their_mean(policy, reference, exact):
    logp, logq = sequence_logprobs(policy), sequence_logprobs(reference)

    torch.testing.assert_close((logp.exp() * k1(logp, logq)).sum(), exact)
    torch.testing.assert_close((logp.exp() * k3(logp, logq)).sum(), exact)
    assert not torch.isclose((logp.exp() * k2(logp, logq)).sum(), exact, rtol=0.01)


def test_k3_is_never_negative_and_k1_is():
    log_ratio = torch.linspace(-5, 5, 101, dtype=torch.float64)

    assert bool((k3(log_ratio, torch.zeros(101)) >= 0).all())
    assert k1(log_ratio, torch.zeros(101)).min() == -5
    # e^5 - 1 - 5, 0 where the policies agree, e^-5 - 1 + 5
    ends = torch.tensor([142.4131591, 0.0, 4.0067379], dtype=torch.float64)
    torch.testing.assert_close(k3(log_ratio, torch.zeros(101))[[0, 50, 100]], ends)


def test_k1_and_k3_summed_over_tokens_have_the_kl_as_their_mean(policy, reference, exact):
    weight = sequence_logprobs(policy).exp()[:, None] * MASK

    for estimator in (k1, k3):
        mean = (weight * estimator(token_logprobs(policy), token_logprobs(reference))).sum()
        torch.testing.assert_close(mean, exact)


def test_token_kl_along_samples_has_the_sequence_kl_as_its_mean(policy, reference, exact):
    weight = sequence_logprobs(policy).exp()[:, None] * MASK

    kl = (weight * token_kl(policy, reference)[STATES]).sum()

    torch.testing.assert_close(kl, exact, rtol=1e-6, atol=0.0)


def test_token_kl_by_hand():
    logits = torch.tensor([[0.5, 0.5], [0.25, 0.75]]).log()

    kl = token_kl(logits, logits.flip(0))

    # ln 2 / 2 - ln(1.5) / 2 and its mirror
    torch.testing.assert_close(kl, torch.tensor([0.14384104, 0.13081204]))


def test_token_kl_with_banned_tokens():
    banned, free = torch.tensor([[0.0, 0.0, -math.inf]]), torch.zeros(1, 3)

    torch.testing.assert_close(token_kl(banned, free), torch.tensor([math.log(1.5)]))
    assert token_kl(free, banned).tolist() == [math.inf]
    assert token_kl(banned, banned).tolist() == [0.0]


def test_token_kl_refuses_another_vocabulary():
    with pytest.raises(ValueError, match=r"logits is float32 \(2, 5\), reference_logits is float32 \(2, 6\)"):
        token_kl(torch.zeros(2, 5), torch.zeros(2, 6))


@pytest.mark.parametrize(("n", "expected"), [(1, 0.0), (2, 0.1931), (4, 0.6363), (16, 1.8351), (64, 3.1745)])
def test_best_of_n_kl_is_that_of_the_best_of_n_distribution_on_a_fine_grid(n, expected):
    edges = torch.linspace(0, 1, 100001, dtype=torch.float64)
    best = (edges**n).diff()  # of 100,000 equally likely completions, in order of reward

    exact = torch.special.xlogy(best, best * 100000).sum()

    assert best_of_n_kl(n) == pytest.approx(expected, abs=5e-5)
    assert best_of_n_kl(n) == pytest.approx(exact.item(), abs=1e-4)


def test_best_of_n_kl_is_an_upper_bound_on_a_coarse_choice():
    edges = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    best = (edges**4).diff()

    assert (best * (best * 2).log()).sum().item() < best_of_n_kl(4)
    with pytest.raises(ValueError, match=r"num_completions is 0"):
        best_of_n_kl(0)


def test_adaptive_kl_moves_beta_by_the_clipped_relative_error():
    controller = AdaptiveKL(beta=0.1, target=6.0, horizon=1000)

    assert controller.update(kl=6.6, num_completions=100) == pytest.approx(0.1 * 1.01)  # 1 + 0.1 * 100 / 1000
    assert controller.update(kl=60.0, num_completions=100) == pytest.approx(0.101 * 1.02)
    assert controller.update(kl=-5.0, num_completions=100) == pytest.approx(0.10302 * 0.98)


def test_adaptive_kl_stays_at_its_target():
    controller = AdaptiveKL(beta=0.1, target=6.0)

    assert controller.update(kl=6.0, num_completions=512) == 0.1


def test_adaptive_kl_finds_the_beta_that_gives_the_target():
    controller = AdaptiveKL(beta=1.0, target=2.0, horizon=1000)

    for _ in range(500):
        controller.update(kl=1 / controller.beta, num_completions=100)  # a policy whose KL falls with beta

    assert controller.beta == pytest.approx(0.5, rel=1e-3)


def test_adaptive_kl_stays_positive_when_a_batch_exceeds_the_horizon():
    controller = AdaptiveKL(beta=0.1, target=6.0, horizon=10)

    assert controller.update(kl=0.0, num_completions=1000) == pytest.approx(0.01)


def test_adaptive_kl_goes_on_from_its_state():
    controller = AdaptiveKL(beta=0.1, target=6.0)
    controller.update(kl=20.0, num_completions=512)
    resumed = AdaptiveKL(beta=0.1, target=6.0)

    resumed.load_state_dict(controller.state_dict())

    assert resumed.update(kl=7.0, num_completions=512) == controller.update(kl=7.0, num_completions=512)


def test_adaptive_kl_refuses_wrong_input_by_name():
    with pytest.raises(ValueError, match=r"target is 0"):
        AdaptiveKL(beta=0.1, target=0.0)
    with pytest.raises(ValueError, match=r"beta is -1"):
        AdaptiveKL(beta=-1.0, target=6.0)
    with pytest.raises(ValueError, match=r"kl is nan"):
        AdaptiveKL(beta=0.1, target=6.0).update(kl=math.nan, num_completions=1)


@pytest.mark.parametrize(("judgements", "nats"), [(1000, 20.0), (250, 10.0), (4000, 40.0), (10, 2.0), (0, 0.0)])
def test_the_budget_of_kl_grows_with_the_root_of_the_judgements(judgements, nats):
    assert kl_budget(20.0, judgements=judgements) == pytest.approx(nats)
