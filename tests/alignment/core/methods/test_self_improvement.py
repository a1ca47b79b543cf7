from __future__ import annotations

import random
from statistics import fmean

import pytest
import torch

from alignment.core.answers import behind, majority
from alignment.core.backbone import Backbone
from alignment.core.config import SFTConfig, TrainerConfig
from alignment.core.config_data import SelfConsistencyConfig, StarConfig
from alignment.core.methods.self_improvement import collect_agreed, collect_right
from alignment.core.methods.sft import SupervisedFineTuning
from alignment.core.records import Demonstration, Message, Problem
from alignment.core.rollout import LocalSampler, sample
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.trainer import train
from tests.enumerable import PROMPT, TableBackbone, TableSampler
from tests.scripted import ScriptedSampler, asked
from tests.tiny_models import LETTERS_VOCABULARY, build_letters_tokenizer, save_model

ANSWER = behind("=")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def texts(found):
    return [(each.prompt[-1].content, each.completion) for each in found.demonstrations]


def agreed(completions, **settings):
    sampler = ScriptedSampler(completions)
    config = SelfConsistencyConfig(completions_per_prompt=2, **settings)
    prompts = [asked(text) for text in completions]
    return collect_agreed(sampler, prompts, config, extract=ANSWER, generator=seeded()), sampler


def test_only_completions_that_reach_the_majoritys_answer_are_learned_from():
    found, _ = agreed({"3+4": ["3+4=7", "4+3=7", "3+4=8", "I see 7=7"], "1+1": ["=3", "=3", "=2"]})

    # The majority may be wrong, and is believed all the same: there is no one to ask.
    assert texts(found) == [("3+4", "3+4=7"), ("3+4", "4+3=7"), ("3+4", "I see 7=7"), ("1+1", "=3")]
    assert {each.source for each in found.demonstrations} == {"model"}
    assert found.metrics == {"kept": 4, "prompts": 2, "eos_rate": 1, "agreement": pytest.approx((3 / 4 + 2 / 3) / 2)}


def test_a_prompt_on_which_too_few_agree_is_left_out():
    found, _ = agreed({"3+4": ["=7", "=7", "=8", "=9"], "1+1": ["=2", "=2", "=2", "?"]}, agreement=0.6)

    assert texts(found) == [("1+1", "=2")]


def test_what_was_cut_off_has_no_vote_and_is_not_learned_from():
    found, _ = agreed({"3+4": ["=8…", "=8…", "a=7", "b=7", "c=7"]})

    assert texts(found) == [("3+4", "a=7"), ("3+4", "b=7"), ("3+4", "c=7")]
    assert found.metrics["eos_rate"] == 0.6


def test_no_more_than_the_wanted_number_of_completions_is_kept():
    found, _ = agreed({"3+4": ["a=7", "b=7", "c=7"]}, keep=2)

    assert texts(found) == [("3+4", "a=7"), ("3+4", "b=7")]


def test_completions_are_sampled_as_the_settings_say():
    _, sampler = agreed({"3+4": ["=7"]}, temperature=0.6, max_new_tokens=9)

    assert sampler.settings == [SamplingSettings(num_completions=2, max_new_tokens=9, temperature=0.6)]


def test_nothing_is_collected_from_no_prompts():
    found, sampler = agreed({})

    assert found.demonstrations == []
    assert found.metrics == {"kept": 0, "prompts": 0, "eos_rate": 0, "agreement": 0}
    assert sampler.prompts == []


def test_a_vote_of_five_samples_is_right_as_often_as_the_binomial_says():
    # Begins with a in 0.6 of all completions, which is right: five votes are right in 0.68256 (see test_answers).
    base = torch.tensor([[0.0, 0, 0], [0, 0, 0], [0, 0, 0], torch.tensor([0.6, 0.4, 1e-30]).log().tolist()])
    backbone = TableBackbone(base)
    backbone.add_adapter("policy")
    settings = SamplingSettings(num_completions=5)

    groups = TableSampler(backbone).sample([PROMPT] * 4000, settings=settings, generator=seeded())

    answers = [[each.text[0] for each in group] for group in groups]
    single = fmean(answer == "a" for group in answers for answer in group)
    voted = fmean(majority(group).answer == "a" for group in answers)
    assert single == pytest.approx(0.6, abs=4 * (0.6 * 0.4 / 20_000) ** 0.5)
    assert voted == pytest.approx(0.68256, abs=4 * (0.68256 * 0.31744 / 4000) ** 0.5)


HINT = StarConfig(hint=" (it is {answer})")


def right(problems, completions, config=HINT):
    sampler = ScriptedSampler(completions)
    known = [Problem(asked(text), answer) for text, answer in problems.items()]
    return collect_right(sampler, known, config, extract=ANSWER, generator=seeded()), sampler


def test_the_hint_is_given_only_where_no_completion_was_right():
    found, sampler = right(
        {"3+4": "7", "5+5": "10"}, {"3+4": ["x=7", "=8"], "5+5": ["=11"], "5+5 (it is 10)": ["5 twice=10", "=55"]}
    )

    assert [prompt[-1].content for prompt in sampler.prompts] == ["3+4", "5+5", "5+5 (it is 10)"]
    assert texts(found) == [("3+4", "x=7"), ("5+5", "5 twice=10")]
    assert found.demonstrations[0] == Demonstration(asked("3+4"), "x=7", source="model")


def test_words_of_the_hint_are_taken_out_of_what_is_trained_on():
    found, _ = right({"5+5": "10"}, {"5+5": ["?"], "5+5 (it is 10)": ["(it is 10) so 5 and 5=10"]})

    assert texts(found) == [("5+5", "so 5 and 5=10")]


def test_a_rationale_without_words_of_the_hint_is_kept_as_it_was_written():
    found, _ = right({"5+5": "10"}, {"5+5": ["?"], "5+5 (it is 10)": [" 5 and 5=10 "]})

    assert texts(found) == [("5+5", " 5 and 5=10 ")]


def test_a_rationale_that_says_no_more_than_the_hint_is_left_out():
    config = StarConfig(hint=" [={answer}]")

    found, _ = right({"5+5": "10"}, {"5+5": ["?"], "5+5 [=10]": ["[=10]"]}, config)

    assert texts(found) == []


def test_a_hint_that_leads_to_a_wrong_answer_and_one_that_was_cut_off_are_left_out():
    found, _ = right({"5+5": "10"}, {"5+5": ["=10…"], "5+5 (it is 10)": ["=11", "=10…"]})

    assert texts(found) == []
    assert found.metrics["prompts"] == 0


def test_the_shares_of_what_was_right_solved_and_rationalised_are_told():
    config = StarConfig(hint=" (it is {answer})", completions_per_prompt=2, temperature=1.0)

    found, _ = right(
        {"3+4": "7", "5+5": "10", "1+1": "2", "2+2": "4"},
        {
            "3+4": ["=7", "=8"], "5+5": ["=11", "=12"], "1+1": ["=2", "so=2"], "2+2": ["=5", "=3"],
            "5+5 (it is 10)": ["=10", "=10"], "2+2 (it is 4)": ["=5", "=6"],
        },
        config,
    )  # fmt: skip

    assert {name: found.metrics[name] for name in ("right", "solved", "rationalised", "kept")} == {
        "right": (0.5 + 0 + 1 + 0) / 4,
        "solved": 2 / 4,
        "rationalised": 1 / 4,
        "kept": 3,
    }


def test_several_right_completions_are_kept_when_wanted():
    config = StarConfig(completions_per_prompt=3, temperature=1.0, keep=2)

    found, _ = right({"3+4": "7"}, {"3+4": ["a=7", "a=7", "b=7"]}, config)

    assert texts(found) == [("3+4", "a=7"), ("3+4", "b=7")]


def test_the_answer_stands_in_the_hint_as_it_is_and_earlier_turns_are_untouched():
    prompt = (Message("user", "hi"), Message("assistant", "yes?"), Message("user", "set?"))
    sampler = ScriptedSampler({"set?": ["no"], "set? (it is {a})": ["so={a}"]})

    found = collect_right(sampler, [Problem(prompt, "{a}")], HINT, extract=ANSWER, generator=seeded())

    assert sampler.prompts[1] == (*prompt[:2], Message("user", "set? (it is {a})"))
    assert found.demonstrations == [Demonstration(prompt, "so={a}", source="model")]


@pytest.mark.slow
def test_star_raises_the_share_of_right_answers(tmp_path):
    # Sums modulo 3 of two digits. The start knows the form, guesses the sum, and says what a hint says.
    place = tmp_path / "letters"
    save_model(place, architecture="llama", tokenizer=build_letters_tokenizer(), vocabulary=LETTERS_VOCABULARY, std=0.1)
    backbone = Backbone.load(place, device="cpu", lora=None)
    problems = [Problem(asked(f"{a}{b}"), str((a + b) % 3)) for a in range(3) for b in range(3)]
    guess = random.Random(0)
    shown = [Demonstration(problem.prompt, f"={guess.randrange(3)}") for problem in problems for _ in range(2)]
    shown += [
        Demonstration(asked(f"{problem.prompt[0].content}!{digit}"), f"={digit}")
        for problem in problems
        for digit in range(3)
    ]
    backbone.add_adapter("start")
    trainer = TrainerConfig(steps=80, batch_size=len(shown), lr=5e-3)
    train(SupervisedFineTuning(backbone, SFTConfig(), adapter="start"), shown, trainer)

    def share(adapter):
        written = sample(
            backbone, [problem.prompt for problem in problems], adapter=adapter, generator=seeded(1),
            num_completions=20, max_new_tokens=4,
        )  # fmt: skip
        return fmean(
            ANSWER(each.text) == problem.answer
            for problem, group in zip(problems, written, strict=True)
            for each in group
        )

    config = StarConfig(hint="!{answer}", completions_per_prompt=2, temperature=1.0, max_new_tokens=4)
    found = collect_right(LocalSampler(backbone, "start"), problems, config, extract=ANSWER, generator=seeded(10))
    backbone.add_adapter("next", copy_from="start")
    trainer = TrainerConfig(steps=30, batch_size=9, lr=5e-3)
    train(SupervisedFineTuning(backbone, SFTConfig(), adapter="next"), found.demonstrations, trainer)

    assert share("start") < 0.6
    assert found.metrics["rationalised"] > 0.1
    assert all("!" not in each.prompt[0].content for each in found.demonstrations)
    assert share("next") > 0.9
