"""What a judge is asked, how it rates, and what can't be asked."""

from __future__ import annotations

import logging
import math
import re
from typing import Any

import pytest
import torch

from alignment.core.backbone import Backbone, LoraConfig
from alignment.core.config import InvalidSetting
from alignment.core.config_data import JudgeConfig
from alignment.core.judge import Judge
from alignment.core.records import Message
from tests.planted_judges import CONFIG, SHORT, PlantedBackbone, likes
from tests.scripted import asked
from tests.tiny_models import LETTERS_VOCABULARY, build_letters_tokenizer, save_model


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


def test_the_guidelines_and_the_whole_conversation_stand_in_the_question(planted):
    model = planted(likes())
    prompt = (Message("system", "be brief"), Message("user", "hi"), Message("assistant", "yes?"), Message("user", "go"))

    Judge(model, CONFIG, name="x").compare([(prompt, ["one", "two"])])

    assert model.questions[0] == (
        "Be kind.\nSystem: be brief\n\nUser: hi\n\nAssistant: yes?\n\nUser: go\nA: one\nB: two\nBetter?"
    )
    assert set(model.questions) == {model.questions[0], model.questions[0].replace("A: one\nB: two", "A: two\nB: one")}


def test_placeholders_and_tags_in_a_completion_stay_what_they_are(planted):
    model = planted(likes())

    Judge(model, CONFIG, name="x").compare([(asked("{first}"), ["{second}", "</prompt>!"])])

    assert any("User: {first}\nA: {second}\nB: &lt;/prompt>!\n" in question for question in model.questions)


def test_oldest_turns_are_left_out_where_the_question_is_too_long_and_the_completions_never(planted, caplog):
    caplog.set_level(logging.WARNING)
    model = planted(likes())
    prompt = (Message("user", "x" * 300), Message("assistant", "y"), Message("user", "go"))

    feedback = Judge(model, CONFIG, name="x").compare([(prompt, ["one" * 20, "two!" * 20])])

    assert ranks_of(feedback) == [(2, 1)]
    assert all("Be kind.\nAssistant: y\n\nUser: go\n" in question for question in model.questions)
    assert "not shown the oldest 1 turns of 3" in caplog.text
    assert feedback.judgements[0].prompt == prompt


def test_a_pair_that_does_not_fit_is_left_out_and_counted(planted, caplog):
    judge = Judge(planted(likes()), CONFIG, name="x")

    feedback = judge.compare([(asked("hi"), ["a" * 400, "b"]), (asked("hi"), ["good!", "bad"])])

    assert [each.completions for each in feedback.judgements] == [("good!", "bad")]
    assert (feedback.metrics["pairs"], feedback.metrics["too_long"]) == (1, 1)
    assert "was not asked: the judge sees 400" in caplog.text


def rating_rule(shares):
    """P(digit) proportional to what the completion's entry says."""

    def rule(question, label):
        completion = re.search(r"> (.*)\nHow", question).group(1)
        return math.log(shares[completion].get(label, 1e-12))

    return rule


def test_a_rating_is_the_expected_digit_rounded(planted):
    shares = {"fine": {"6": 0.3, "7": 0.1}, "poor": {"1": 0.5, "2": 0.5}, "mixed": {"1": 0.2, "4": 0.2, "7": 0.1}}
    judge = Judge(planted(rating_rule(shares)), CONFIG, name="x")
    items = [(asked("hi"), ["fine", "poor"]), (asked("why"), ["mixed"])]

    expected = judge.expected_ratings(items)
    feedback = judge.rate(items)

    # (6 * 0.3 + 7 * 0.1) / 0.4, (1 + 2) / 2, (0.2 + 0.8 + 0.7) / 0.5
    assert expected == [[pytest.approx(6.25, abs=1e-5), pytest.approx(1.5, abs=1e-5)], [pytest.approx(3.4, abs=1e-5)]]
    assert [each.ratings for each in feedback.judgements] == [(6, 2), (3,)]
    assert {(each.annotator, each.source) for each in feedback.judgements} == {("judge:x", "model")}
    assert feedback.metrics["rating"] == pytest.approx((6.25 + 1.5 + 3.4) / 3, abs=1e-5)
    assert feedback.metrics["label_mass"] == pytest.approx((0.4 + 1.0 + 0.5) / 3, abs=1e-5)


def test_a_rating_is_read_from_the_models_own_probabilities_of_the_digits(backbone):
    judge = Judge(backbone, CONFIG, name="tiny")

    ((rating,),) = judge.expected_ratings([(asked("hi"), ["yes"])])

    ids = backbone.template.encode_prompt(asked("Be kind.\nUser: hi\n> yes\nHow good?"))
    with backbone.inference(None):
        logits = backbone._adapters.model()(input_ids=torch.tensor([ids])).logits[0, -1]
    digits = logits[backbone.tokenizer.convert_tokens_to_ids(list("1234567"))].softmax(0)
    assert rating == pytest.approx(sum(k * float(p) for k, p in enumerate(digits, start=1)), abs=1e-4)


def test_a_completion_too_long_to_be_rated_has_no_rating(planted):
    judge = Judge(planted(rating_rule({"fine": {"5": 1.0}})), CONFIG, name="x")

    feedback = judge.rate([(asked("hi"), ["fine", "a" * 400]), (asked("hi"), ["b" * 400])])

    assert [each.ratings for each in feedback.judgements] == [(5, None)]
    assert feedback.metrics["too_long"] == 2


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"comparison": "{guidelines} {conversation} {first}"}, r"comparison has no \{second\}"),
        ({"rating": "How good?"}, r"rating has no \{guidelines\} and no \{conversation\} and no \{completion\}"),
        ({"second_label": "A"}, "both labels are 'A'"),
        ({"margin": 0.6}, "margin is 0.6"),
    ],
)
def test_questions_and_labels_that_cant_work_are_refused(settings, error):
    with pytest.raises(InvalidSetting, match=error):
        JudgeConfig(**{**SHORT, **settings})


def test_labels_that_the_tokenizer_cant_tell_apart_are_refused(backbone):
    config = JudgeConfig(**SHORT, first_label="A", second_label="AB")

    with pytest.raises(ValueError, match="begins 'A' and 'AB' with the same tokens; use other labels"):
        Judge(backbone, config, name="x")
