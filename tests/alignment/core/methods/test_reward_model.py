from __future__ import annotations

import math
import random

import pytest
import torch

from alignment.core.config import RewardModelConfig, TrainerConfig
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement, Message
from alignment.core.text import collate
from alignment.core.trainer import train

PROMPTS = [(Message("user", f"say {word}"),) for word in ("one", "two", "a small boat", "why not")]
WORDS = ["fox", "dog", "boat", "red", "lazy", "quick", "name", "why", "tell", "good"]


def judgement(*completions, prompt=PROMPTS[0], **said):
    return Judgement(prompt=prompt, completions=completions, **said)


def reward_model(backbone, **settings):
    return RewardModel(backbone, RewardModelConfig(**settings))


def loss_of(model, judgements, rewards):
    """The loss of given rewards, for all completions one after the other."""
    units = model.examples(judgements)
    return model.judgement_loss(torch.tensor(rewards), units).item()


def weights_of_the_base(backbone):
    """Digest of every weight that no adapter owns."""
    weights = backbone._adapters.model().state_dict()
    return {name: hash(tensor.numpy().tobytes()) for name, tensor in weights.items() if "lora" not in name}


def planted(count, *, seed):
    """Judgements by somebody who likes the word `good`, and wants nothing else."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        texts = [" ".join(rng.choices(WORDS[:-1], k=3)) for _ in range(4)]
        for k in rng.sample(range(4), 2):
            texts[k] += " good" if rng.random() < 0.5 else " good good"
        order = sorted({text.count("good") for text in texts}, reverse=True)
        ranks = tuple(1 + order.index(text.count("good")) for text in texts)
        made.append(judgement(*texts, prompt=PROMPTS[number % 4], ranks=ranks, id=f"{seed}/{number}"))
    return made


def test_the_comparisons_of_a_ranking_weigh_as_much_as_one_judgement(tiny_backbone):
    """InstructGPT's weights: 6 comparisons of K = 4 with 1/6 each, and the 1 of K = 2 with 1."""
    model = reward_model(tiny_backbone, ties="drop")
    ranked = [judgement("a", "b", "c", "d", ranks=(2, 1, 4, 3)), judgement("e", "f", ranks=(2, 1))]
    rewards = [0.3, 1.2, -0.5, 0.1, 2.0, 0.5]

    found = loss_of(model, ranked, rewards)

    expected = 0.0
    for winner, loser in [(1, 0), (0, 2), (0, 3), (1, 2), (1, 3), (3, 2)]:
        expected += math.log(1 + math.exp(rewards[loser] - rewards[winner])) / 6
    expected += math.log(1 + math.exp(rewards[4] - rewards[5]))
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_judgement_counts_in_the_loss_as_its_annotator_is_weighed(tiny_backbone):
    model = reward_model(tiny_backbone, ties="drop")
    careful = judgement("a", "b", ranks=(1, 2), weight=1.5)
    spammer = judgement("a", "b", ranks=(2, 1), weight=0.0)  # says nothing, and is not even encoded
    usual = judgement("c", "d", ranks=(1, 2))

    found = loss_of(model, [careful, spammer, usual], [0.4, -0.2, 1.0, 0.9])

    assert found == pytest.approx(1.5 * math.log1p(math.exp(-0.6)) + math.log1p(math.exp(-0.1)), rel=1e-6)
    assert [model.mass(each) for each in (careful, spammer, usual)] == [1.5, 0.0, 1.0]


def test_all_completions_of_a_judgement_are_one_forward_pass_with_one_prompt(tiny_backbone):
    model = reward_model(tiny_backbone)
    units = model.examples([judgement("a", "b", "c", "d", ranks=(1, 2, 3, 4))])

    tokens = model.size(units)

    prompt = len(tiny_backbone.template.encode_prompt(PROMPTS[0]))
    assert tokens == prompt + 4 * 2  # a letter and EOS each


def test_ties_are_learned_from_by_davidson_and_by_rao_and_kupper(tiny_backbone):
    tie = [judgement("a", "b", ranks=(1, 1))]
    share = 0.5  # nu = 1 and theta = 3

    davidson = loss_of(reward_model(tiny_backbone, tie_share=share), tie, [1.0, 0.0])
    rao_kupper = loss_of(reward_model(tiny_backbone, tie_share=share, ties="rao_kupper"), tie, [1.0, 0.0])

    half = math.exp(0.5)
    assert davidson == pytest.approx(-math.log(2 / (half + 2 + 1 / half)), rel=1e-5)
    win, loss = 1 / (1 + math.exp(-1 + math.log(3))), 1 / (1 + math.exp(1 + math.log(3)))
    assert rao_kupper == pytest.approx(-math.log(8 * win * loss), rel=1e-5)


def test_without_ties_in_the_data_davidson_is_bradley_terry(tiny_backbone):
    wins = [judgement("a", "b", ranks=(1, 2))]

    assert loss_of(reward_model(tiny_backbone), wins, [1.0, 0.0]) == pytest.approx(math.log(1 + math.exp(-1)), rel=1e-6)


def test_dropped_ties_teach_nothing_and_a_project_of_ties_is_refused(tiny_backbone):
    model = reward_model(tiny_backbone, ties="drop")

    assert len(model.examples([judgement("a", "b", ranks=(1, 1)), judgement("a", "b", ranks=(1, 2))])) == 1
    with pytest.raises(ValueError, match="none of 1 judgements says anything to a reward model with these settings"):
        model.examples([judgement("a", "b", ranks=(1, 1))])


def test_the_margin_asks_the_first_to_lead_the_last_by_more(tiny_backbone):
    ranked = [judgement("a", "b", "c", ranks=(1, 2, 3))]

    found = loss_of(reward_model(tiny_backbone, margin=3.0), ranked, [0.0, 0.0, 0.0])

    # gaps of 1, 2 and 1 ranks out of 2: margins 1.5, 3 and 1.5
    assert found == pytest.approx((2 * math.log(1 + math.exp(1.5)) + math.log(1 + math.exp(3))) / 3, rel=1e-6)


@pytest.mark.parametrize("ties", ["davidson", "rao_kupper", "drop"])
def test_adding_a_constant_to_all_rewards_changes_no_likelihood_but_that_of_ratings(tiny_backbone, ties):
    said = [judgement("a", "b", "c", ranks=(1, 2, 2), best=1, ratings=(7, None, 1))]
    settings = {"ties": ties, "tie_share": 0.3, "ranking_weight": 1.0, "margin": 1.0}
    rewards = [1.0, 0.2, -0.7]
    moved = [reward + 5.0 for reward in rewards]

    relative, rated = reward_model(tiny_backbone, **settings), reward_model(tiny_backbone, rating_weight=1.0)
    centred = reward_model(tiny_backbone, centre=0.01, **settings)

    assert loss_of(relative, said, moved) == pytest.approx(loss_of(relative, said, rewards), abs=1e-5)
    assert abs(loss_of(rated, said, moved) - loss_of(rated, said, rewards)) > 1
    assert loss_of(centred, said, moved) > loss_of(centred, said, rewards) + 0.5


def test_the_bias_of_a_head_is_unknowable_from_comparisons(tiny_backbone):
    model = reward_model(tiny_backbone)
    (update,) = model.updates(model.examples(planted(4, seed=3)), generator=torch.Generator())

    (loss,) = model.losses(update.units)
    linear = model.head.members[0].linear
    weight, bias = torch.autograd.grad(loss.totals["loss"], [linear.weight, linear.bias])

    assert weight.abs().max() > 1e-2
    assert bias.abs().max() < 1e-6


def test_every_kind_of_judgement_adds_its_own_likelihood(tiny_backbone):
    said = [judgement("a", "b", "c", ranks=(1, 2, 3), best=0, ratings=(7, None, 1))]
    rewards = [1.0, 0.0, -1.0]
    off = {"comparison_weight": 0.0, "ranking_weight": 0.0, "best_weight": 0.0, "rating_weight": 0.0}

    picked = loss_of(reward_model(tiny_backbone, **off | {"best_weight": 2.0}), said, rewards)
    ranked = loss_of(reward_model(tiny_backbone, **off | {"ranking_weight": 1.0}), said, rewards)
    rated = loss_of(reward_model(tiny_backbone, **off | {"rating_weight": 1.0}), said, rewards)
    centred = loss_of(reward_model(tiny_backbone, **off | {"ranking_weight": 1.0, "centre": 0.5}), said, rewards)

    of_all = math.log(math.e + 1 + 1 / math.e)
    assert picked == pytest.approx(2 * (of_all - 1.0), rel=1e-6)
    assert ranked == pytest.approx((of_all - 1.0) + math.log(1 + 1 / math.e), rel=1e-6)
    # Cuts start at -2.5, -1.5, ..., 2.5: P(7 | r = 1) = sigma(1 - 2.5), P(1 | r = -1) = sigma(-2.5 + 1).
    assert rated == pytest.approx(math.log(1 + math.exp(1.5)), rel=1e-5)
    assert centred - ranked == pytest.approx(0.5 * (1 + 0 + 1) / 3, rel=1e-5)


def test_ties_of_a_whole_ranking_are_averaged_or_have_a_probability_that_is_learned(tiny_backbone):
    said = [judgement("a", "b", "c", ranks=(1, 1, 2))]
    rewards = [math.log(4.0), 0.0, 0.0]
    settings = {"comparison_weight": 0.0, "ranking_weight": 1.0, "tie_share": 0.5}  # nu = 1

    averaged = loss_of(reward_model(tiny_backbone, **settings), said, rewards)
    model = reward_model(tiny_backbone, ranking_ties="davidson_luce", learn_tie_share=True, **settings)
    tied = loss_of(model, said, rewards)
    model.judgement_loss(torch.tensor(rewards), model.examples(said)).backward()

    # Two orders break the tie: 4/6 * 1/2, and 1/6 * 4/5.
    assert averaged == pytest.approx(-(math.log(1 / 3) + math.log(4 / 30)) / 2, rel=1e-5)
    # Alone: 4, 1, 1; in twos: 2 sqrt(4), 2 sqrt(4), 2; all: 4 * 4^(1/3). The last one stays alone.
    assert tied == pytest.approx(-math.log(4 / (4 + 1 + 1 + 4 + 4 + 2 + 4 * 4 ** (1 / 3))), rel=1e-5)
    assert model.tie_logit.grad is not None
    assert abs(model.tie_logit.grad) > 0.01


def test_an_annotators_weight_multiplies_what_was_said(tiny_backbone):
    model = reward_model(tiny_backbone)
    double = loss_of(model, [judgement("a", "b", ranks=(1, 2), weight=2.0)], [0.4, 0.1])

    assert double == pytest.approx(2 * loss_of(model, [judgement("a", "b", ranks=(1, 2))], [0.4, 0.1]), rel=1e-6)


@pytest.mark.slow
def test_a_planted_preference_is_learned_and_holds_on_other_completions(tiny_backbone):
    model = reward_model(tiny_backbone, members=2)
    before = weights_of_the_base(tiny_backbone)

    result = train(model, planted(120, seed=0), TrainerConfig(steps=60, batch_size=16, lr=5e-3))

    right = total = 0
    for each in planted(40, seed=1):
        rewards = model.rewards([(each.prompt, text) for text in each.completions])
        wins = [(p.first, p.second, p.outcome) for p in each.comparisons() if p.outcome]
        right += sum(bool(rewards[i] > rewards[j]) == (outcome > 0) for i, j, outcome in wins)
        total += len(wins)
    assert right / total > 0.9
    assert result.metrics["loss"] < result.history[0]["loss"]
    assert before == weights_of_the_base(tiny_backbone)  # the reference policy is what it was


def test_normalised_rewards_have_mean_zero_on_the_references_completions_by_every_head(tiny_backbone):
    model = reward_model(tiny_backbone, members=3)
    completions = [(PROMPTS[0], "a fox"), (PROMPTS[0], "a dog"), (PROMPTS[1], "two")]
    before = model.rewards(completions)

    model.normalise(completions)

    after = model.rewards(completions)
    assert abs(float(before.mean())) > 1e-3
    assert float(after.mean()) == pytest.approx(0.0, abs=1e-5)
    torch.testing.assert_close(after - after.mean(), before - before.mean(), atol=1e-5, rtol=1e-4)
    assert model.disagreement(completions).shape == (3,)


def test_one_head_cannot_disagree_with_itself(tiny_backbone):
    with pytest.raises(ValueError, match="set members to 2 or more"):
        reward_model(tiny_backbone).disagreement([(PROMPTS[0], "a")])


def test_the_reward_of_a_completion_does_not_depend_on_what_else_is_scored(tiny_backbone):
    model = reward_model(tiny_backbone)
    texts = ["a", "a much longer completion than the others", "why", ""]

    together = model.rewards([(prompt, text) for prompt in PROMPTS for text in texts])
    alone = torch.cat([model.rewards([(prompt, text)]) for prompt in PROMPTS for text in texts])

    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_the_reward_is_read_at_the_last_token(tiny_backbone):
    model = reward_model(tiny_backbone)
    (encoded,) = tiny_backbone.template.encode(PROMPTS[0], ["a fox"])
    with tiny_backbone.inference("reward"):
        states = tiny_backbone.states(collate([encoded]))

    assert float(model.score([encoded])) == pytest.approx(model.head(states[-1])[0].item(), abs=1e-5)


def test_the_tie_share_is_taken_from_the_data_and_learned_when_asked(tiny_backbone):
    judged = [judgement("a", "b", ranks=(1, 1)), *[judgement("a", "b", ranks=(1, 2)) for _ in range(3)]]

    fixed, learned = reward_model(tiny_backbone), reward_model(tiny_backbone, learn_tie_share=True)
    config = TrainerConfig(steps=3, batch_size=4, lr=0.05)
    train(fixed, judged, config)
    train(learned, judged, config)

    assert fixed.tie_share() == pytest.approx(0.25)
    assert abs(learned.tie_share() - 0.25) > 1e-3


@pytest.mark.parametrize("tokens", [1, 30, 60])
def test_micro_batches_change_no_step(load_backbone, tokens):
    def trained(micro_batch_tokens):
        backbone = load_backbone("llama")
        model = reward_model(backbone, centre=0.01)
        config = TrainerConfig(steps=2, batch_size=8, lr=1e-3, micro_batch_tokens=micro_batch_tokens)
        result = train(model, planted(8, seed=2), config)
        return result.history, [p.detach().clone() for p in backbone.parameters("reward")]

    (whole, weights), (parts, others) = trained(10**6), trained(tokens)

    for one, other in zip(whole, parts, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert one["accuracy"] == pytest.approx(other["accuracy"])
    for one, other in zip(weights, others, strict=True):
        torch.testing.assert_close(one, other, atol=5e-5, rtol=1e-3)


def test_where_ties_are_impossible_they_are_not_counted_either(tiny_backbone):
    judgements = [judgement("a", "b", "c", prompt=prompt, ranks=(1, 1, 2)) for prompt in PROMPTS]

    def first_loss(**settings):
        model = reward_model(tiny_backbone, **settings)
        return train(model, judgements, TrainerConfig(steps=1, batch_size=4, lr=1e-9)).metrics["loss"]

    assert first_loss(tie_share=0.0) == pytest.approx(first_loss(ties="drop"), rel=1e-6)
    with pytest.raises(ValueError, match="needs ranks that are not all tied"):
        reward_model(tiny_backbone, tie_share=0.0).examples([judgement("a", "b", ranks=(1, 1))])
