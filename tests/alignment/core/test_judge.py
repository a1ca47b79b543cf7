from __future__ import annotations

from typing import Any

import pytest
import torch

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.config import SFTConfig, TrainerConfig
from alignment.core.config_data import JudgeConfig
from alignment.core.judge import Judge, Opinion
from alignment.core.methods.sft import SupervisedFineTuning
from alignment.core.records import Demonstration
from alignment.core.trainer import train
from tests.planted_judges import CONFIG, SHORT, PlantedBackbone, likes, sigmoid
from tests.scripted import asked
from tests.tiny_models import LETTERS_VOCABULARY, build_letters_tokenizer, randomise, save_model


@pytest.fixture(scope="module")
def letters_folder(tmp_path_factory):
    """A tiny Llama that sees 400 characters."""
    return save_model(
        tmp_path_factory.mktemp("judges") / "letters", architecture="llama", tokenizer=build_letters_tokenizer(),
        vocabulary=LETTERS_VOCABULARY, max_position_embeddings=400, std=0.3,
    )  # fmt: skip


@pytest.fixture(scope="module")
def backbone(letters_folder) -> Backbone:
    return Backbone.load(letters_folder, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))


@pytest.fixture
def planted(letters_folder):
    """A backbone that judges by a rule."""

    def plant(rule):
        model: Any = PlantedBackbone.load(letters_folder, device="cpu", lora=LoraConfig(rank=4, alpha=8.0))
        model.rule = rule
        return model

    return plant


def ranks_of(feedback):
    return [judgement.ranks for judgement in feedback.judgements]


def test_a_preference_is_the_models_own_probability_of_the_labels_in_both_orders(backbone):
    judge = Judge(backbone, CONFIG, name="tiny")

    (opinion,) = judge.opinions([(asked("hi"), "yes", "no")])

    def label_probabilities(first, second):
        question = f"Be kind.\nUser: hi\nA: {first}\nB: {second}\nBetter?"
        ids = backbone.template.encode_prompt(asked(question))
        with backbone.inference(None):
            logits = backbone._adapters.model()(input_ids=torch.tensor([ids])).logits[0, -1]
        letters = backbone.tokenizer.convert_tokens_to_ids(["A", "B"])
        return logits.softmax(0)[letters]

    one, other = label_probabilities("yes", "no"), label_probabilities("no", "yes")
    assert opinion is not None
    assert opinion.shown_first == pytest.approx(float(one[0] / one.sum()), abs=1e-5)
    assert opinion.shown_second == pytest.approx(float(other[1] / other.sum()), abs=1e-5)
    assert opinion.label_mass == pytest.approx(float(one.sum() + other.sum()) / 2, abs=1e-5)


def test_swapping_two_completions_swaps_the_judgement_exactly(backbone):
    # Of these random weights the labels m and n have the least bias, so that the judge has opinions.
    judge = Judge(backbone, JudgeConfig(**SHORT, margin=0.0, first_label="m", second_label="n"), name="tiny")
    texts = ["yes", "no!", "maybe", "Well, it depends", "", "no."]
    pairs = [(asked(question), one, other) for question in ("hi", "why?") for one in texts for other in texts]

    there = judge.opinions(pairs)
    back = judge.opinions([(prompt, other, one) for prompt, one, other in pairs])

    outcomes = set()
    for (_, one, other), forth, reverse in zip(pairs, there, back, strict=True):
        assert forth is not None
        assert reverse is not None
        outcomes.add(forth.outcome(margin=0.0))
        assert forth.outcome(margin=0.0) == -reverse.outcome(margin=0.0)
        if one != other:
            assert forth == reverse.swapped() or reverse == forth.swapped()
    assert outcomes == {1, 0, -1}


def test_equal_completions_are_a_tie_whatever_the_judge(planted):
    judge = Judge(planted(likes(bias=3.0)), CONFIG, name="x")

    feedback = judge.compare([(asked("hi"), ["same!", "same!"])])

    assert ranks_of(feedback) == [(1, 1)]


def test_a_judge_of_content_orders_completions_whatever_their_place(planted):
    judge = Judge(planted(likes()), CONFIG, name="x")

    feedback = judge.compare([(asked("hi"), ["good!", "bad"]), (asked("hi"), ["bad", "good!"])])

    assert ranks_of(feedback) == [(1, 2), (2, 1)]
    assert feedback.metrics == {
        "pairs": 2,
        "too_long": 0,
        "ties": 0,
        "inconsistent": 0,
        "position_bias": pytest.approx(0, abs=1e-7),
        "label_mass": pytest.approx(0.8, abs=1e-6),
    }


@pytest.mark.parametrize("bias", [2.0, -2.0])
def test_a_judge_of_places_gives_only_ties_and_its_bias_is_reported(planted, bias):
    judge = Judge(planted(likes(strength=0.0, bias=bias)), CONFIG, name="x")

    feedback = judge.compare([(asked("hi"), ["good!", "bad"]), (asked("why"), ["so", "thus!", "hence!!"])])

    assert ranks_of(feedback) == [(1, 1)] * 4
    assert feedback.metrics["ties"] == feedback.metrics["inconsistent"] == 1
    assert feedback.metrics["position_bias"] == pytest.approx(sigmoid(bias) - 0.5, abs=1e-6)


def test_content_wins_over_a_bias_that_is_weaker_and_the_bias_is_averaged_out(planted):
    judge = Judge(planted(likes(strength=3.0, bias=1.0)), CONFIG, name="x")

    (opinion,) = judge.opinions([(asked("hi"), "good!", "bad")])

    assert opinion is not None
    assert opinion.shown_first == pytest.approx(sigmoid(4.0), abs=1e-6)
    assert opinion.shown_second == pytest.approx(sigmoid(2.0), abs=1e-6)
    assert opinion.preference == pytest.approx((sigmoid(4.0) + sigmoid(2.0)) / 2, abs=1e-6)
    assert opinion.position_bias == pytest.approx((sigmoid(4.0) - sigmoid(2.0)) / 2, abs=1e-6)
    assert opinion.outcome(margin=0.05) == 1


@pytest.mark.parametrize(("margin", "ranks"), [(0.2, (1, 2)), (0.25, (1, 1))])
def test_a_preference_within_the_margin_is_a_tie(planted, margin, ranks):
    judge = Judge(planted(likes()), JudgeConfig(**SHORT, margin=margin), name="x")  # sigmoid(1) - 1/2 = 0.231

    feedback = judge.compare([(asked("hi"), ["good!", "bad"])])

    assert ranks_of(feedback) == [ranks]
    assert feedback.metrics["inconsistent"] == 0


def test_orders_that_disagree_are_a_tie_however_far_the_mean_is_from_one_half():
    assert Opinion(shown_first=0.99, shown_second=0.45, label_mass=1.0).outcome(margin=0.05) == 0
    assert Opinion(shown_first=0.99, shown_second=0.55, label_mass=1.0).outcome(margin=0.05) == 1
    assert Opinion(shown_first=0.45, shown_second=0.01, label_mass=1.0).outcome(margin=0.05) == -1


def test_judgements_are_marked_as_the_judges_own_and_a_pair_counts_as_in_a_ranking(planted):
    judge = Judge(planted(likes()), CONFIG, name="base-1")

    feedback = judge.compare([(asked("hi"), ["a", "b!", "c!!"])])

    assert [(each.annotator, each.source, each.prompt) for each in feedback.judgements] == [
        ("judge:base-1", "model", asked("hi"))
    ] * 3
    assert [each.completions for each in feedback.judgements] == [("a", "b!"), ("a", "c!!"), ("b!", "c!!")]
    weights = [pair.weight for each in feedback.judgements for pair in each.comparisons()]
    assert weights == pytest.approx([1 / 3] * 3)


def test_nothing_is_judged_of_nothing(backbone):
    judge = Judge(backbone, CONFIG, name="x")

    assert judge.compare([]).judgements == []
    assert judge.compare([(asked("hi"), ["alone"])]).metrics["pairs"] == 0
    assert judge.rate([]).judgements == []


def test_an_adapter_judges_otherwise_than_its_base(backbone):
    if "judge" not in backbone.adapters:
        backbone.add_adapter("judge")
        randomise(backbone, "judge", std=0.5)
    pairs = [(asked("hi"), "yes", "no")]

    base = Judge(backbone, CONFIG, name="base").opinions(pairs)
    adapted = Judge(backbone, CONFIG, name="adapted", adapter="judge").opinions(pairs)

    assert base != adapted


def test_labels_of_several_tokens_are_judged_by_all_of_them(backbone):
    judge = Judge(backbone, JudgeConfig(**SHORT, margin=0.0, first_label="one", second_label="two"), name="x")

    (opinion,) = judge.opinions([(asked("hi"), "yes", "no")])

    assert opinion is not None
    assert 0 < opinion.label_mass < 1e-2  # the product of three probabilities


@pytest.mark.slow
def test_a_model_that_learned_to_say_only_a_gives_only_ties(letters_folder):
    backbone = Backbone.load(letters_folder, device="cpu", lora=None)
    backbone.add_adapter("judge")
    texts = ["yes", "no!", "so", "well"]
    pairs = [(asked("hi"), one, other) for one in texts for other in texts if one < other]
    questions = [f"Be kind.\nUser: hi\nA: {one}\nB: {other}\nBetter?" for _, one, other in pairs]
    shown = [Demonstration(asked(question), "A") for question in questions]
    trainer = TrainerConfig(steps=30, batch_size=6, lr=5e-3)
    train(SupervisedFineTuning(backbone, SFTConfig(), adapter="judge"), shown, trainer)

    feedback = Judge(backbone, CONFIG, name="says A", adapter="judge").compare([(asked("hi"), texts)])

    assert feedback.metrics["ties"] == 1
    assert feedback.metrics["position_bias"] > 0.4
    assert feedback.metrics["label_mass"] > 0.8
