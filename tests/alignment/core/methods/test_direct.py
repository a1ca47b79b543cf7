from __future__ import annotations

import itertools
import math

import pytest
import torch

from alignment.core.config import DirectConfig, TrainerConfig
from alignment.core.methods.direct import Direct
from alignment.core.records import Judgement, Message
from alignment.core.text import collate
from alignment.core.trainer import train
from tests.enumerable import COMPLETIONS, PROMPT, TableBackbone, closed_form
from tests.tiny_models import randomise

REWARDS = torch.tensor([1.0, 0.0, -1.0, 0.5, 2.0, 0.0, -0.5, 0.3, 1.5])
BASE = torch.tensor([[0.5, -0.2, 0.1], [0.0, 0.3, -0.4], [0.2, 0.2, 0.0], [-0.3, 0.4, 0.1]])
PROMPTS = [(Message("user", f"say {word}"),) for word in ("one", "two", "a small boat", "why not")]
LN2 = math.log(2)


def ranked(prompt=PROMPTS[0], *, ranks=(1, 2, 3, 4), **said):
    return Judgement(prompt=prompt, completions=("a fox", "the dog", "why", "lazy red"), ranks=ranks, **said)


def first_step(backbone, judgements, *, lr=1e-9, **settings):
    method = Direct(backbone, DirectConfig(**settings))
    return train(method, judgements, TrainerConfig(steps=1, batch_size=8, lr=lr)).metrics


@pytest.mark.parametrize("loss", ["dpo", "cdpo", "robust"])
def test_the_first_loss_is_ln_two(tiny_backbone, loss):
    metrics = first_step(tiny_backbone, [ranked(prompt) for prompt in PROMPTS], loss=loss)

    assert metrics["loss"] == pytest.approx(LN2, abs=1e-5)
    assert metrics["kl"] == pytest.approx(0.0, abs=1e-4)
    assert metrics["grad_norm/policy"] > 1e-3  # nothing is stuck


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("ipo", (1 / (2 * 0.1)) ** 2),
        ("hinge", 1.0),
        ("apo_zero", 1.0),
        ("sppo_hard", 2 * (1 / (2 * 0.1)) ** 2),
        ("listwise", math.log(24)),  # ln 4!
        ("kto", 0.5),
        ("tie_dpo", -math.log(1 / 2.5)),  # win against nu = 1/4: P(win) = 1 / (2 + 2 nu)
        ("tie_dpo_rk", -math.log(1 / (1 + 1.5))),  # theta = 1.2 / 0.8
    ],
)
def test_the_first_loss_of_the_others_is_that_of_equal_scores(tiny_backbone, loss, expected):
    metrics = first_step(tiny_backbone, [ranked(prompt) for prompt in PROMPTS], loss=loss, tie_share=0.2)

    assert metrics["loss"] == pytest.approx(expected, rel=1e-4)


def test_best_of_starts_at_the_log_of_the_number_of_completions(tiny_backbone):
    picked = [Judgement(prompt=PROMPTS[0], completions=("a", "b", "c"), best=2)]

    assert first_step(tiny_backbone, picked, loss="best_of")["loss"] == pytest.approx(math.log(3), abs=1e-5)


def test_ties_of_a_ranking_have_a_probability_when_asked_for(tiny_backbone):
    metrics = first_step(
        tiny_backbone, [ranked(ranks=(1, 1, 2, 3))], loss="listwise", ranking_ties="davidson_luce", tie_share=0.2
    )

    # delta = 2 nu = 1/2: 1/2 for two of four, against 4 + 6/2 + 4/4 + 1/8; then one of two, against 2 + 1/2.
    assert metrics["loss"] == pytest.approx(math.log(8.125 / 0.5 * 2.5), rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        *("dpo", "cdpo", "robust", "ipo", "hinge", "apo_zero", "sppo_hard", "simpo", "orpo", "kto"),
        *("tie_dpo", "tie_dpo_rk", "listwise"),
    ],
)
def test_one_step_raises_the_chosen_over_the_rejected(tiny_backbone, loss):
    judgements = [ranked(prompt) for prompt in PROMPTS]
    method = Direct(tiny_backbone, DirectConfig(loss=loss))

    history = train(method, judgements, TrainerConfig(steps=2, batch_size=4, lr=1e-3)).history

    assert history[1]["margin"] > history[0]["margin"] + 1e-4
    assert history[1]["loss"] < history[0]["loss"]


def test_the_gradient_is_rafailovs_identity():
    """grad L = -beta sigma(r_l - r_w) (grad log pi_w - grad log pi_l), by Rafailov et al., section 4."""
    backbone = TableBackbone(BASE)
    method = Direct(backbone, DirectConfig(beta=0.3))
    (unit,) = method.examples([Judgement(prompt=PROMPT, completions=("ab", "ca"), ranks=(2, 1))])
    method.prepare([unit])
    table = torch.linspace(-1, 1, 12).reshape(4, 3)
    backbone.tables["policy"].data.copy_(table)

    (loss,) = method.losses([unit])
    (found,) = torch.autograd.grad(loss.totals["loss"], backbone.tables["policy"])

    table = table.clone().requires_grad_()
    rows, reference = (BASE + table).log_softmax(-1), BASE.log_softmax(-1)
    chosen, rejected = rows[3, 2] + rows[2, 0], rows[3, 0] + rows[0, 1]
    of_chosen, of_rejected = (torch.autograd.grad(x, table, retain_graph=True)[0] for x in (chosen, rejected))
    rewards = [0.3 * float(chosen.detach() - reference[3, 2] - reference[2, 0])]
    rewards.append(0.3 * float(rejected.detach() - reference[3, 0] - reference[0, 1]))
    weight = 1 / (1 + math.exp(rewards[0] - rewards[1]))
    torch.testing.assert_close(found, -0.3 * weight * (of_chosen - of_rejected), atol=1e-6, rtol=1e-5)


def population(rewards):
    """Every pair of the nine completions, judged as often each way as Bradley and Terry say."""
    made = []
    for i, j in itertools.combinations(range(9), 2):
        win = 1 / (1 + math.exp(float(rewards[j] - rewards[i])))
        for ranks, weight in (((1, 2), win), ((2, 1), 1 - win)):
            pair = (COMPLETIONS[i], COMPLETIONS[j])
            made.append(Judgement(prompt=PROMPT, completions=pair, ranks=ranks, weight=weight))
    return made


@pytest.mark.slow
def test_dpo_on_all_judgements_reaches_the_closed_form():
    """The same rewards, reference and beta as for PPO and REINFORCE, which end there too."""
    backbone = TableBackbone(BASE)
    method = Direct(backbone, DirectConfig(beta=0.5))

    train(method, population(REWARDS), TrainerConfig(steps=150, batch_size=72, lr=0.2, seed=1))

    expected = closed_form(backbone.completion_logprobs(None), REWARDS, beta=0.5)
    found = backbone.completion_logprobs("policy").detach().exp()
    assert float((found - expected).abs().sum() / 2) < 0.005  # total variation; 0.5 before training
    assert COMPLETIONS[int(found.argmax())] == "bb"


def test_the_reference_is_read_where_an_earlier_run_has_kept_it(load_backbone, tmp_path, monkeypatch):
    judgements = [ranked(prompt) for prompt in PROMPTS]
    config = TrainerConfig(steps=3, batch_size=4, lr=1e-2)

    def trained(folder):
        backbone = load_backbone("gpt2")
        forward_passes = 0
        states = backbone.states

        def counted(batch):
            nonlocal forward_passes
            forward_passes += 1
            return states(batch)

        monkeypatch.setattr(backbone, "states", counted)
        history = train(Direct(backbone, DirectConfig(), reference_folder=folder), judgements, config).history
        return history, [p.detach() for p in backbone.parameters("policy")], forward_passes

    (without, *_), (first, weights, passes), (again, same, fewer) = [trained(f) for f in (None, tmp_path, tmp_path)]

    assert without == first == again
    assert all(torch.equal(one, other) for one, other in zip(weights, same, strict=True))
    assert fewer == passes - 1 == 3


def test_the_chosen_completions_likelihood_is_added_by_its_weight(tiny_backbone):
    judgements = [ranked(PROMPTS[0], ranks=(1, 1, 3, 4))]

    metrics = first_step(tiny_backbone, judgements, nll_weight=0.25)

    encoded = tiny_backbone.template.encode(PROMPTS[0], ["a fox", "the dog"])
    means = []
    for each in encoded:
        model_ids = torch.tensor([[*each.prompt_ids, *each.completion_ids]])
        with tiny_backbone.inference(None):
            logits = tiny_backbone._adapters.model()(input_ids=model_ids).logits[0].log_softmax(-1)
        start = len(each.prompt_ids) - 1
        tokens = [logits[start + j, token] for j, token in enumerate(each.completion_ids)]
        means.append(-float(torch.stack(tokens).mean()))
    assert metrics["loss/nll"] == pytest.approx(0.25 * sum(means) / 2, rel=1e-4)


def test_the_likelihood_is_of_completions_or_of_prompts_too_by_completion_or_by_token(tiny_backbone):
    """Two prompts of differing length; the second one's chosen completion is longer, and weighs twice."""
    judgements = [
        Judgement(prompt=PROMPTS[0], completions=("a", "b"), ranks=(1, 2)),
        Judgement(prompt=PROMPTS[2], completions=("b", "the quick brown fox"), ranks=(2, 1), weight=2.0),
    ]
    chosen = [tiny_backbone.template.encode(PROMPTS[0], ["a"])[0]]
    chosen += tiny_backbone.template.encode(PROMPTS[2], ["the quick brown fox"])
    nll = []
    for each in chosen:
        ids = torch.tensor([[*each.prompt_ids, *each.completion_ids]])
        with tiny_backbone.inference(None):
            logits = tiny_backbone._adapters.model()(input_ids=ids).logits[0].log_softmax(-1)
        nll.append([-float(logits[t - 1, ids[0, t]]) for t in range(1, ids.shape[1])])
    (one, other), starts = nll, [len(each.prompt_ids) - 1 for each in chosen]
    one_completion, other_completion = one[starts[0] :], other[starts[1] :]

    def found(**settings):
        return first_step(tiny_backbone, judgements, nll_weight=1.0, **settings)["loss/nll"]

    def mean(row):
        return sum(row) / len(row)

    def by_token(first, second):
        return (sum(first) + 2 * sum(second)) / (len(first) + 2 * len(second))

    whole = "prompt_and_completion"
    assert found() == pytest.approx((mean(one_completion) + 2 * mean(other_completion)) / 3, rel=1e-4)
    assert found(nll_tokens=whole) == pytest.approx((mean(one) + 2 * mean(other)) / 3, rel=1e-4)
    assert found(nll_average="token") == pytest.approx(by_token(one_completion, other_completion), rel=1e-4)
    assert found(nll_tokens=whole, nll_average="token") == pytest.approx(by_token(one, other), rel=1e-4)


@pytest.mark.parametrize("tokens", ["completion", "prompt_and_completion"])
def test_a_batch_of_ties_alone_has_no_likelihood_to_raise(tiny_backbone, tokens):
    tied = [ranked(ranks=(1, 1, 1, 1))]

    metrics = first_step(tiny_backbone, tied, loss="tie_dpo", tie_share=0.5, nll_weight=1.0, nll_tokens=tokens)

    assert metrics["loss/nll"] == 0
    assert metrics["loss"] == pytest.approx(LN2, abs=1e-5)  # P(tie | 0) = 1/2


def test_kto_pairs_each_prompt_with_the_completion_before_it(tiny_backbone):
    method = Direct(tiny_backbone, DirectConfig(loss="kto"))
    randomise(tiny_backbone, "policy")
    texts = ["a fox", "the dog", "why"]
    rated = [Judgement(prompt=PROMPTS[k], completions=(text,), ratings=(7,)) for k, text in enumerate(texts)]

    (update,) = method.updates(method.examples(rated), generator=torch.Generator())

    pairs = [tiny_backbone.template.encode(PROMPTS[k], [texts[k - 1]])[0] for k in range(3)]
    sums = []
    for adapter in ("policy", None):
        with tiny_backbone.inference(adapter):
            sums.append(sum(float(tiny_backbone.logprobs(collate([each])).sum()) for each in pairs))
    assert update.metrics["kto_reference"] == pytest.approx((sums[0] - sums[1]) / 3, rel=1e-4)
    assert abs(sums[0] - sums[1]) > 0.1


def test_ipo_by_token_and_by_completion_are_two_things(tiny_backbone):
    judgements = [ranked(prompt) for prompt in PROMPTS]

    def second_loss(average):
        backbone_method = Direct(tiny_backbone, DirectConfig(loss="ipo", average=average), adapter=f"policy{average}")
        return train(backbone_method, judgements, TrainerConfig(steps=2, batch_size=4, lr=1e-3)).metrics["loss"]

    assert abs(second_loss(True) - second_loss(False)) > 0.05


def test_ratings_say_what_is_good_to_kto(tiny_backbone):
    method = Direct(tiny_backbone, DirectConfig(loss="kto", desirable_weight=2.0))
    rated = [Judgement(prompt=prompt, completions=("a", "b", "c"), ratings=(7, None, 2)) for prompt in PROMPTS]

    metrics = train(method, rated, TrainerConfig(steps=1, batch_size=4, lr=1e-9)).metrics

    assert metrics["loss"] == pytest.approx((2.0 * 0.5 + 0.5) / 2, abs=1e-4)


def test_kto_goes_through_a_last_batch_of_a_single_judgement(tiny_backbone):
    rated = [Judgement(prompt=prompt, completions=("a fox",), ratings=(7,)) for prompt in PROMPTS[:3]]

    result = train(Direct(tiny_backbone, DirectConfig(loss="kto")), rated, TrainerConfig(batch_size=2, lr=0.05))

    assert [step["loss"] > 0 for step in result.history] == [True, True]
    assert result.metrics["kto_reference"] != 0.0  # of the prompt with the completion of another batch


def test_kto_with_a_single_judgement_is_refused(tiny_backbone):
    with pytest.raises(ValueError, match="kto needs 2 or more judgements, to pair prompts with completions of others"):
        first_step(tiny_backbone, [ranked()], loss="kto")


def test_judgements_that_say_nothing_to_the_loss_are_refused_by_name(tiny_backbone):
    tied = [ranked(ranks=(1, 1, 1, 1))]

    with pytest.raises(ValueError, match="none of 1 judgements says anything to the loss 'dpo'"):
        Direct(tiny_backbone, DirectConfig()).examples(tied)
    with pytest.raises(ValueError, match="to the loss 'best_of'"):
        Direct(tiny_backbone, DirectConfig(loss="best_of")).examples([ranked()])
    assert len(Direct(tiny_backbone, DirectConfig(loss="tie_dpo")).examples(tied)) == 1


@pytest.mark.slow
def test_dpo_learns_a_planted_preference_that_holds_on_other_completions(tiny_backbone):
    """Somebody likes `good` behind whatever stands before it."""
    stems = [" ".join(pair) for pair in itertools.permutations(["fox", "dog", "red", "boat", "lazy", "why"], 2)]

    def liked(stem, prompt):
        return Judgement(prompt=prompt, completions=(f"{stem} name", f"{stem} good", stem), ranks=(2, 1, 2))

    judgements = [liked(stem, PROMPTS[k % 4]) for k, stem in enumerate(stems)]
    method = Direct(tiny_backbone, DirectConfig(beta=0.1))

    result = train(method, judgements[:20], TrainerConfig(steps=25, batch_size=10, lr=3e-3))

    held_out = Direct(tiny_backbone, DirectConfig(beta=0.1))
    others = train(held_out, judgements[20:], TrainerConfig(steps=1, batch_size=10, lr=1e-9)).metrics
    assert others["accuracy"] > 0.9
    assert others["loss"] < LN2 / 2
    assert result.history[0]["loss"] == pytest.approx(LN2, abs=1e-5)
    assert math.isfinite(result.metrics["kl"])


@pytest.mark.parametrize("tokens", [1, 30])
@pytest.mark.parametrize("loss", ["dpo", "kto", "orpo"])
def test_micro_batches_change_no_step(load_backbone, loss, tokens):
    def trained(micro_batch_tokens):
        backbone = load_backbone("llama")
        config = TrainerConfig(steps=2, batch_size=4, lr=1e-3, micro_batch_tokens=micro_batch_tokens)
        judgements = [ranked(PROMPTS[0]), ranked(PROMPTS[1], ranks=(2, 1, 1, 2)), *short_ones()]
        result = train(Direct(backbone, DirectConfig(loss=loss, nll_weight=0.1)), judgements, config)
        return result.history, [parameter.detach().clone() for parameter in backbone.parameters("policy")]

    (whole, weights), (parts, others) = trained(10**6), trained(tokens)

    for one, other in zip(whole, parts, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert one.get("loss/nll") == pytest.approx(other.get("loss/nll"), rel=1e-4)
    for one, other in zip(weights, others, strict=True):
        torch.testing.assert_close(one, other, atol=5e-5, rtol=1e-3)


def short_ones():
    """Judgements of fewer and shorter completions, one of them empty."""
    return [
        Judgement(prompt=PROMPTS[2], completions=("x", ""), ranks=(1, 2)),
        Judgement(prompt=PROMPTS[3], completions=("why not red", "a", "fox"), ranks=(3, 1, 2), weight=2.0),
    ]
