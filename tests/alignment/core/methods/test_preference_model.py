from __future__ import annotations

import math

import pytest
import torch

from alignment.core.config import InvalidSetting, PreferenceModelConfig, RewardModelConfig, TrainerConfig
from alignment.core.methods.preference_model import PreferenceModel
from alignment.core.methods.reward_model import RewardModel
from alignment.core.records import Judgement, Message
from alignment.core.trainer import train

PROMPTS = [(Message("user", f"say {word}"),) for word in ("one", "two", "a small boat", "why not")]
ROCK, PAPER, SCISSORS = "a fox", "the lazy dog", "why not red"
CYCLE = [(PAPER, ROCK), (SCISSORS, PAPER), (ROCK, SCISSORS)]
"""Winner and loser: no order of the three agrees with more than two of them."""


def judgement(*completions, prompt=PROMPTS[0], **said):
    return Judgement(prompt=prompt, completions=completions, **said)


def preference_model(backbone, **settings):
    return PreferenceModel(backbone, PreferenceModelConfig(**settings))


def loss_of(model, judgements):
    """The loss in mean over judgements, before any training."""
    (update,) = model.updates(model.examples(judgements), generator=torch.Generator())
    (loss,) = model.losses(update.units)
    return loss.totals["loss"].item() / update.counts["loss"]


def set_head(model, weight):
    """A head that is u(h) - u(h') alone, on one coordinate of the state."""
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter.zero_()
        for member in model.head.members:
            member.scalar.linear.weight[0, 0] = weight


def lead_of(model, first, second, *, prompt=PROMPTS[0]):
    """The difference that the model sees, through sigmoid's inverse."""
    p = model.probabilities([(prompt, first, second)]).double()
    return float(torch.logit(p))


def cyclic(count):
    """Comparisons on the cycle, the winner first and second in turns."""
    made = []
    for number in range(count):
        winner, loser = CYCLE[number % 3]
        turned = number % 2 == 1
        texts, ranks = ((loser, winner), (2, 1)) if turned else ((winner, loser), (1, 2))
        made.append(judgement(*texts, prompt=PROMPTS[number % 4], ranks=ranks, id=str(number)))
    return made


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["davidson", "rao_kupper"])
def test_the_preferences_of_both_orders_add_up_to_one(tiny_backbone, kind, share):
    model = preference_model(tiny_backbone, ties=kind, tie_share=share)
    model.examples([judgement("a", "b", ranks=(1, 2))])
    texts = [ROCK, PAPER, SCISSORS, "", "a much longer completion than the others"]
    pairs = [(prompt, one, other) for prompt in PROMPTS for one in texts for other in texts]

    forwards = model.probabilities(pairs)
    backwards = model.probabilities([(prompt, other, one) for prompt, one, other in pairs])

    torch.testing.assert_close(forwards + backwards, torch.ones(100), atol=1e-6, rtol=0)
    assert forwards.min() < 0.4
    assert forwards.max() > 0.6
    assert [forwards[i].item() for i, (_, one, other) in enumerate(pairs) if one == other] == pytest.approx([0.5] * 20)


def test_it_fits_a_cycle_that_a_reward_cannot(load_backbone):
    judgements, config = cyclic(24), TrainerConfig(steps=40, batch_size=12, lr=5e-3)
    model, reward = preference_model(load_backbone("gpt2")), RewardModel(load_backbone("gpt2"), RewardModelConfig())

    train(model, judgements, config)
    train(reward, judgements, config)

    questions = [(prompt, winner, loser) for prompt in PROMPTS for winner, loser in CYCLE]
    preferred = model.probabilities(questions)
    rewards = [reward.rewards([(prompt, winner), (prompt, loser)]) for prompt, winner, loser in questions]
    assert preferred.min() > 0.9
    assert sum(bool(of_winner > of_loser) for of_winner, of_loser in rewards) <= 2 * len(questions) / 3


def test_the_comparisons_of_a_ranking_weigh_as_much_as_one_judgement(tiny_backbone):
    """InstructGPT's weights: 3 comparisons of K = 3 with 1/3 each, and the 1 of K = 2 with 1."""
    model = preference_model(tiny_backbone, ties="drop")
    judgements = [judgement("a", "b", "c", ranks=(2, 1, 3)), judgement("d", "e", ranks=(1, 2), weight=0.5)]

    found = loss_of(model, judgements)

    leads = {pair: lead_of(model, *pair) for pair in [("b", "a"), ("a", "c"), ("b", "c"), ("d", "e")]}
    nll = {pair: math.log(1 + math.exp(-lead)) for pair, lead in leads.items()}
    expected = (nll["b", "a"] + nll["a", "c"] + nll["b", "c"]) / 3 + 0.5 * nll["d", "e"]
    assert found == pytest.approx(expected / 1.5, rel=1e-4)


def test_ties_are_learned_from_by_davidson_and_by_rao_and_kupper(tiny_backbone):
    models = {kind: preference_model(tiny_backbone, ties=kind, tie_share=0.5) for kind in ("davidson", "rao_kupper")}
    for model in models.values():
        set_head(model, 1.0)
    plain = preference_model(tiny_backbone, ties="drop")
    set_head(plain, 1.0)
    lead = lead_of(plain, ROCK, PAPER)
    assert abs(lead) > 0.1

    found = {kind: loss_of(model, [judgement(ROCK, PAPER, ranks=(1, 1))]) for kind, model in models.items()}

    half = math.exp(lead / 2)
    assert found["davidson"] == pytest.approx(-math.log(2 / (half + 2 + 1 / half)), rel=1e-4)
    win, loss = 1 / (1 + 3 * math.exp(-lead)), 1 / (1 + 3 * math.exp(lead))
    assert found["rao_kupper"] == pytest.approx(-math.log(8 * win * loss), rel=1e-4)


def test_a_tie_counts_as_half_a_win_in_the_probability(tiny_backbone):
    plain, tied = preference_model(tiny_backbone, ties="drop"), preference_model(tiny_backbone, tie_share=0.5)
    tied.examples([judgement("a", "b", ranks=(1, 2))])
    half = math.exp(lead_of(plain, ROCK, PAPER) / 2)

    found = tied.probabilities([(PROMPTS[0], ROCK, PAPER)]).item()

    assert found == pytest.approx((half + 1) / (half + 2 + 1 / half), rel=1e-4)


def test_the_tie_share_is_taken_from_the_data_and_learned_when_asked(tiny_backbone):
    judged = [judgement("a", "b", ranks=(1, 1)), *[judgement("a", "b", ranks=(1, 2)) for _ in range(3)]]

    fixed, learned = preference_model(tiny_backbone), preference_model(tiny_backbone, learn_tie_share=True)
    config = TrainerConfig(steps=3, batch_size=4, lr=0.05)
    train(fixed, judged, config)
    train(learned, judged, config)

    assert fixed.tie_share() == pytest.approx(0.25)
    assert abs(learned.tie_share() - 0.25) > 1e-3


def test_what_says_nothing_is_left_out_and_nothing_at_all_is_refused(tiny_backbone):
    model = preference_model(tiny_backbone, ties="drop")
    tie, rated = judgement("a", "b", ranks=(1, 1)), judgement("a", "b", ratings=(7, 1))

    assert len(model.examples([tie, rated, judgement("a", "b", ranks=(1, 2))])) == 1
    with pytest.raises(ValueError, match="none of 2 judgements says anything to a preference model with these"):
        model.examples([tie, rated])


def test_a_preference_does_not_depend_on_what_else_is_compared(tiny_backbone):
    model = preference_model(tiny_backbone)
    texts = ["a", "a much longer completion than the others", "why", ""]
    pairs = [(prompt, one, other) for one in texts for prompt in PROMPTS for other in texts]

    together = model.probabilities(pairs)
    alone = torch.cat([model.probabilities([pair]) for pair in pairs])

    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_a_completion_in_many_pairs_is_read_once(tiny_backbone, monkeypatch):
    model = preference_model(tiny_backbone)
    texts = ["a", "b", "c", "d"]
    read: list[int] = []
    last_hidden = tiny_backbone.last_hidden

    def counted(batch):
        read.append(len(batch.last))
        return last_hidden(batch)

    monkeypatch.setattr(tiny_backbone, "last_hidden", counted)

    model.probabilities([(PROMPTS[0], one, other) for one in texts for other in texts])

    assert read == [4]


def test_completions_of_two_prompts_are_not_compared(tiny_backbone):
    model = preference_model(tiny_backbone)
    (one,) = tiny_backbone.template.encode(PROMPTS[0], ["a"])
    (other,) = tiny_backbone.template.encode(PROMPTS[1], ["a"])

    with pytest.raises(ValueError, match="pair 1 has completions of two prompts"):
        model.compare([one, one], [one, other])


def test_what_training_changed_is_given_back_whole(load_backbone):
    judgements = [*cyclic(6), judgement(ROCK, PAPER, ranks=(1, 1))]
    model = preference_model(load_backbone("gpt2"), learn_tie_share=True)
    train(model, judgements, TrainerConfig(steps=2, batch_size=4, lr=1e-2))
    questions = [(prompt, winner, loser) for prompt in PROMPTS for winner, loser in CYCLE]
    other = PreferenceModel(load_backbone("gpt2"), model.config, seed=5)
    assert not torch.equal(model.probabilities(questions), other.probabilities(questions))

    other.load_state_dict(model.state_dict())

    assert torch.equal(model.probabilities(questions), other.probabilities(questions))


def test_several_heads_say_what_they_say_together_and_each(tiny_backbone):
    model = preference_model(tiny_backbone, members=3)
    model.examples(cyclic(3))
    encoded = tiny_backbone.template.encode(PROMPTS[0], [ROCK, PAPER, SCISSORS])
    first, second = [encoded[0], encoded[1]], [encoded[1], encoded[2]]

    each, together = model.member_preferences(first, second), model.compare(first, second)

    assert each.shape == (2, 3)
    assert len(set(each[0].tolist())) == 3
    torch.testing.assert_close(together, each.mean(1))


def test_all_heads_learn(load_backbone):
    model = preference_model(load_backbone("gpt2"), members=2)
    before = [head.scalar.linear.weight.detach().clone() for head in model.head.members]

    train(model, cyclic(6), TrainerConfig(steps=3, batch_size=6, lr=1e-2))

    assert all(
        not torch.equal(old, head.scalar.linear.weight) for old, head in zip(before, model.head.members, strict=True)
    )


def test_a_model_of_before_there_were_several_heads_is_read(load_backbone):
    model, other = (preference_model(load_backbone("gpt2"), tie_share=0.0) for _ in range(2))
    train(model, cyclic(6), TrainerConfig(steps=2, batch_size=6, lr=1e-2))
    state = model.state_dict()
    old = {name.removeprefix("members.0."): each for name, each in state["head"].items()}
    questions = [(PROMPTS[0], winner, loser) for winner, loser in CYCLE]

    other.load_state_dict({**state, "head": old})

    assert torch.equal(model.probabilities(questions), other.probabilities(questions))


def test_the_rank_of_the_head_is_a_setting(tiny_backbone):
    assert preference_model(tiny_backbone, rank=3).head.members[0].left.weight.shape == (3, 32)
    with pytest.raises(InvalidSetting, match=r"PreferenceModelConfig\.rank is 0; it must be a whole number from 1"):
        PreferenceModelConfig(rank=0)


@pytest.mark.parametrize("tokens", [1, 30])
def test_micro_batches_change_no_step(load_backbone, tokens):
    def trained(micro_batch_tokens):
        backbone = load_backbone("llama")
        model = preference_model(backbone)
        config = TrainerConfig(steps=2, batch_size=6, lr=1e-3, micro_batch_tokens=micro_batch_tokens)
        ranked = [judgement(ROCK, PAPER, SCISSORS, prompt=prompt, ranks=(1, 2, 2)) for prompt in PROMPTS]
        result = train(model, [*cyclic(8), *ranked], config)
        return result.history, [p.detach().clone() for p in backbone.parameters("preference")]

    (whole, weights), (parts, others) = trained(10**6), trained(tokens)

    for one, other in zip(whole, parts, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert one["accuracy"] == pytest.approx(other["accuracy"])
    for one, other in zip(weights, others, strict=True):
        torch.testing.assert_close(one, other, atol=5e-5, rtol=1e-3)
