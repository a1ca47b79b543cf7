from __future__ import annotations

import pytest
import torch

from alignment.core.backbone import ModelError
from alignment.core.heads import Ensemble, PairEnsemble, PairHead, ScalarHead, load_head, save_head


def _states(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_head_starts_with_deviation_one_over_root_d_plus_one():
    head = ScalarHead(9_999, seed=0)

    assert head.linear.weight.std().item() == pytest.approx(0.01, rel=0.05)  # 1 / sqrt(10,000)
    assert head.linear.bias.item() == 0
    assert head.linear.weight.dtype == torch.float32


def test_a_value_head_can_start_at_zero():
    assert torch.equal(ScalarHead(8, zero=True)(_states(2, 3, 8)), torch.zeros(2, 3))


def test_a_head_of_its_own_seed_moves_nobody_elses_random_numbers():
    torch.manual_seed(1)
    before = torch.get_rng_state()

    first, second, other = ScalarHead(8, seed=5), ScalarHead(8, seed=5), ScalarHead(8, seed=6)

    assert torch.equal(first.linear.weight, second.linear.weight)
    assert not torch.equal(first.linear.weight, other.linear.weight)
    assert torch.equal(torch.get_rng_state(), before)


def test_normalising_gives_reference_text_mean_zero_also_the_second_time():
    head, states = ScalarHead(8, seed=0), _states(50, 8)

    head.normalise(head(states))
    once = head(states)
    with torch.no_grad():
        head.linear.bias.add_(3.0)  # training moved it
    head.normalise(head(states))

    torch.testing.assert_close(once.mean(), torch.tensor(0.0), atol=1e-6, rtol=0)
    torch.testing.assert_close(head(states), once, atol=1e-5, rtol=0)


def test_normalising_to_unit_variance_keeps_differences_in_proportion():
    head, states = ScalarHead(8, seed=0), _states(50, 8)
    before = head(states).detach()

    head.normalise(before, unit_variance=True)
    head.normalise(head(states), unit_variance=True)

    after = head(states).detach()
    torch.testing.assert_close(after.std(unbiased=False), torch.tensor(1.0))
    ratio = (after[1:] - after[0]) / (before[1:] - before[0])
    torch.testing.assert_close(ratio, ratio[0].expand_as(ratio), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    ("rewards", "unit", "message"),
    [
        ([], False, "needs finite rewards"),
        ([1.0, float("nan")], False, r"needs finite rewards, got \[1.0, nan\]"),
        ([2.0, 2.0], True, "all 2 rewards are 2"),
    ],
)
def test_rewards_that_cannot_be_normalised_are_refused(rewards, unit, message):
    with pytest.raises(ValueError, match=message):
        ScalarHead(8).normalise(torch.tensor(rewards), unit_variance=unit)


@pytest.mark.parametrize("build", [ScalarHead, lambda d: Ensemble(d, 3), PairHead, lambda d: PairEnsemble(d, 2)])
def test_a_head_read_back_is_bit_equal_with_its_normalisation(tmp_path, build):
    head, other = build(8), build(8)
    arguments = (_states(5, 8), _states(5, 8, seed=1))[: 2 if isinstance(head, PairHead | PairEnsemble) else 1]
    if isinstance(head, ScalarHead):
        head.normalise(head(*arguments))
    assert not torch.equal(head(*arguments), other(*arguments))
    save_head(head, tmp_path / "head")

    load_head(other, tmp_path / "head")

    assert torch.equal(head(*arguments), other(*arguments))
    assert all(parameter.requires_grad for parameter in other.parameters())


def test_a_head_of_another_size_or_cut_short_is_refused(tmp_path):
    save_head(ScalarHead(8), tmp_path / "head")

    with pytest.raises(ModelError, match="belongs to another head than this ScalarHead"):
        load_head(ScalarHead(9), tmp_path / "head")
    file = tmp_path / "head" / "head.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ModelError, match=r"head.safetensors is missing or cut short"):
        load_head(ScalarHead(8), tmp_path / "head")


def test_an_ensemble_starts_with_members_that_differ_and_tells_their_spread():
    ensemble = Ensemble(8, 4, seed=0)

    rewards = ensemble(_states(5, 8))

    assert rewards.shape == (5, 4)
    assert (rewards.std(dim=-1) > 0.01).all()
    known = torch.tensor([[1.0, 3.0]])
    assert Ensemble.worst(known).tolist() == [1.0]
    assert Ensemble.uncertain(known, penalty=0.5).tolist() == [1.5]  # mean 2, variance 1


def test_a_preference_changes_its_sign_when_completions_change_places():
    head = PairHead(8, seed=0)
    first, second = _states(20, 8), _states(20, 8, seed=1)

    torch.testing.assert_close(head(first, second), -head(second, first), atol=1e-6, rtol=0)
    torch.testing.assert_close(head(first, first), torch.zeros(20), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        head(first, second).sigmoid() + head(second, first).sigmoid(), torch.ones(20), atol=1e-6, rtol=0
    )


def test_a_preference_fits_a_cycle_that_no_scalar_reward_can():
    states = torch.eye(3, 4)
    wins = torch.tensor([[0, 1], [1, 2], [2, 0]])  # rock, paper, scissors

    def trained(head, difference):
        optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
        for _ in range(60):
            loss = -torch.nn.functional.logsigmoid(difference(states[wins[:, 0]], states[wins[:, 1]])).mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        return difference(states[wins[:, 0]], states[wins[:, 1]]).detach()

    pair, scalar = PairHead(4, rank=2, seed=0), ScalarHead(4, seed=0)
    preferred = trained(pair, pair)
    by_reward = trained(scalar, lambda one, other: scalar(one) - scalar(other))

    assert (preferred > 1).all()
    # Differences around a circle add up to 0, so the best that a reward can do is to call all three equal.
    torch.testing.assert_close(by_reward, torch.zeros(3), atol=0.05, rtol=0)


def test_an_empty_ensemble_and_a_rank_of_zero_are_refused():
    with pytest.raises(ValueError, match="an ensemble has 0 members"):
        Ensemble(8, 0)
    with pytest.raises(ValueError, match="rank is 0"):
        PairHead(8, rank=0)


def test_a_pessimistic_reward_is_the_mean_less_standard_deviations():
    rewards = torch.tensor([[1.0, 3.0], [2.0, 2.0], [-1.0, 5.0]])

    found = Ensemble.pessimistic(rewards, deviations=0.5)

    assert found.tolist() == [1.5, 2.0, 0.5]


def test_of_several_completions_of_a_prompt_only_their_leads_over_each_other_can_be_doubted():
    # what all members add to all completions of a prompt says nothing; whether the first leads by 2 or by 0 does
    rewards = torch.tensor([[3.0, 9.0], [1.0, 9.0], [1.0, 5.0]])

    found = Ensemble.pessimistic(rewards, deviations=1.0, groups=torch.tensor([7, 7, 2]))

    assert found.tolist() == [6.0 - 0.5, 5.0 - 0.5, 3.0 - 2.0]  # alone in its group, the third keeps its deviation


def test_one_member_has_no_deviation_to_be_pessimistic_about():
    assert Ensemble.pessimistic(torch.tensor([[1.5]]), deviations=3.0).tolist() == [1.5]


def test_an_ensemble_of_pair_heads_begins_apart_and_each_turns_its_sign():
    heads = PairEnsemble(8, 3, rank=2, seed=0)
    first, second = _states(5, 8), _states(5, 8, seed=1)

    found = heads(first, second)

    assert found.shape == (5, 3)
    torch.testing.assert_close(found, -heads(second, first))
    assert len({round(each, 6) for each in found[0].tolist()}) == 3
    with pytest.raises(ValueError, match="an ensemble has 0 members"):
        PairEnsemble(8, 0)


def test_a_preference_that_members_differ_about_is_taken_for_less():
    preferences = torch.tensor([[0.7, 0.7], [0.9, 0.5], [0.3, 0.1]])

    found = PairEnsemble.pessimistic(preferences, deviations=2.0)

    torch.testing.assert_close(found, torch.tensor([0.7, 0.3, 0.0]))
