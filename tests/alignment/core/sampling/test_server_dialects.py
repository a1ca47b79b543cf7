from __future__ import annotations

import json

import pytest

from alignment.core.records import Message
from alignment.core.sampling.completion_server import ServerError
from alignment.core.sampling.draws import SamplingSettings
from alignment.core.sampling.server_dialects import Answer, TransformersDialect, VllmDialect
from alignment.core.text import Template
from tests.tiny_models import CHAT_TEMPLATE, EOS, build_letters_tokenizer, build_tokenizer

LETTERS = Template.for_tokenizer(build_letters_tokenizer(), context_length=96)
EOS_ID = 0
SETTINGS = SamplingSettings(num_completions=4, max_new_tokens=5, temperature=0.7, top_k=3, top_p=0.9)


def ids(text):
    """Of printable ASCII: 1 for a space, and so on."""
    return [ord(character) - 31 for character in text]


def answer(choice, *, prompt="hi", usage=None, max_new_tokens=5):
    return Answer(prompt=ids(prompt), choice=choice, usage=usage or {}, max_new_tokens=max_new_tokens)


def vllm(text, *, ended, reason, **more):
    token_ids = [*ids(text), *([EOS_ID] if ended else [])]
    return answer({"text": text, "token_ids": token_ids, "finish_reason": reason}, **more)


def served(text, *, tokens, reason, prompt_tokens=2, **more):
    usage = {"completion_tokens": tokens, "prompt_tokens": prompt_tokens}
    return answer({"text": text, "finish_reason": reason}, usage=usage, **more)


def test_vllm_is_sent_ids_and_every_setting_that_a_generation_config_could_change():
    request = VllmDialect(LETTERS).request(ids("hi"), SETTINGS, count=4, seed=11)

    assert request == {
        "prompt": [73, 74],
        "n": 4,
        "seed": 11,
        "max_tokens": 5,
        "temperature": 0.7,
        "top_k": 3,
        "top_p": 0.9,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "ignore_eos": True,
        "stop_token_ids": [0],
        "return_token_ids": True,
    }


def test_vllm_is_never_asked_for_log_probabilities():
    request = VllmDialect(LETTERS).request(ids("hi"), SETTINGS, count=1, seed=0)

    assert not [name for name in request if "logprob" in name]


def test_the_end_that_vllm_stops_at_is_the_templates_even_where_the_tokenizer_has_another():
    tokenizer = build_tokenizer(special=(EOS, "<|im_start|>", "<|im_end|>"))
    tokenizer.chat_template = CHAT_TEMPLATE
    end_of_turn = tokenizer.convert_tokens_to_ids("<|im_end|>")

    request = VllmDialect(Template.for_tokenizer(tokenizer)).request([5], SETTINGS, count=1, seed=0)

    assert request["stop_token_ids"] == [end_of_turn] != [tokenizer.eos_token_id]


def test_a_temperature_that_vllm_would_raise_is_refused():
    with pytest.raises(ServerError, match=r"draws at 0.01 instead of temperature 0.005"):
        VllmDialect(LETTERS).request(ids("hi"), SamplingSettings(temperature=0.005), count=1, seed=0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (vllm("abc", ended=True, reason="stop"), ([66, 67, 68, 0], True)),
        (vllm("abcde", ended=False, reason="length"), ([66, 67, 68, 69, 70], False)),
        (vllm("abcd", ended=True, reason="length"), ([66, 67, 68, 69, 0], True)),  # EOS as the last token allowed
        (vllm("", ended=True, reason="stop"), ([0], True)),
    ],
)
def test_vllms_ids_are_the_completion_and_it_ended_when_the_last_is_eos(given, expected):
    assert VllmDialect(LETTERS).completion(given) == expected


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (answer({"text": "abc", "finish_reason": "stop"}), "no token ids: use vLLM 0.10.2"),
        (vllm("ab", ended=False, reason="stop"), "stops at token 67, EOS is 0"),
        (vllm("ab", ended=False, reason="length"), "cut at 2 tokens instead of 5.*--max-model-len"),
        (vllm("ab", ended=False, reason="abort"), "finish_reason 'abort'"),
        (answer({"token_ids": [66, 0, 66], "finish_reason": "length"}), r"goes on behind EOS \(0\)"),
        (
            answer({"token_ids": [66, 0], "finish_reason": "stop", "prompt_token_ids": [73, 75]}),
            "a prompt of 2 tokens, and 2 were sent: serve the same model folder",
        ),
        (vllm("abc", ended=True, reason="stop", usage={"prompt_tokens": 3}), "a prompt of 3 tokens, and 2 were sent"),
    ],
)
def test_what_the_policy_could_not_have_written_is_an_error(given, error):
    with pytest.raises(ServerError, match=error):
        VllmDialect(LETTERS).completion(given)


def test_transformers_serve_is_sent_text_and_told_to_draw_from_the_whole_distribution():
    settings = SamplingSettings(max_new_tokens=5)

    request = TransformersDialect(LETTERS).request(ids("hi"), settings, count=4, seed=11)

    assert json.loads(request.pop("generation_config")) == {
        "do_sample": True,
        "max_new_tokens": 5,
        "eos_token_id": 0,
        "pad_token_id": 0,
        "temperature": 1.0,
        "top_k": 0,
        "top_p": 1.0,
    }
    assert request == {"prompt": "hi", "seed": 11, "max_tokens": 5}


def test_greedy_is_sent_to_transformers_serve_as_no_sampling():
    settings = SamplingSettings(max_new_tokens=5, temperature=0)

    request = TransformersDialect(LETTERS).request(ids("hi"), settings, count=1, seed=0)

    assert json.loads(request["generation_config"])["do_sample"] is False


def test_a_bos_that_the_server_puts_in_front_by_itself_is_not_sent_twice():
    from tokenizers.processors import TemplateProcessing

    tokenizer = build_tokenizer(special=(EOS, "<s>"))
    tokenizer.bos_token = "<s>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.bos_token_id)]
    )
    template = Template.for_tokenizer(tokenizer)
    prompt = template.encode_prompt([Message("user", "tell me why")])
    assert prompt[0] == tokenizer.bos_token_id

    request = TransformersDialect(template).request(prompt, SETTINGS, count=1, seed=0)

    assert request["prompt"] == "<prompt>tell me why</prompt><answer>"


def test_a_prompt_that_text_would_change_is_an_error():
    template = Template.for_tokenizer(build_tokenizer())
    one_by_one = [number for letter in "the" for number in template.tokenizer(letter)["input_ids"]]
    assert template.tokenizer("the")["input_ids"] != one_by_one

    with pytest.raises(ServerError, match=r"'the' would be tokenized to other ids than the 3.*sample from vLLM"):
        TransformersDialect(template).request(one_by_one, SETTINGS, count=1, seed=0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (served("abc", tokens=4, reason="stop"), ([66, 67, 68, 0], True)),
        (served("abcde", tokens=5, reason="length"), ([66, 67, 68, 69, 70], False)),
        (served("abcd", tokens=5, reason="length"), ([66, 67, 68, 69, 0], True)),  # EOS as the last token allowed
        (served("", tokens=1, reason="stop"), ([0], True)),
    ],
)
def test_a_text_that_encodes_to_what_was_drawn_gives_the_ids_with_the_hidden_end(given, expected):
    assert TransformersDialect(LETTERS).completion(given) == expected


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (served("abc", tokens=5, reason="stop"), "a text of 3 tokens for 5 that were drawn.*vLLM"),
        (served("abcde", tokens=4, reason="stop"), "a text of 5 tokens for 4"),
        (served("abc", tokens=3, reason="stop"), "a text of 3 tokens for 3"),
        (answer({"finish_reason": "stop"}), "without text"),
        (served("abc", tokens=4, reason="stop", prompt_tokens=7), "a prompt of 7 tokens, and 2 were sent"),
    ],
)
def test_a_text_whose_tokens_cant_be_known_is_an_error(given, error):
    with pytest.raises(ServerError, match=error):
        TransformersDialect(LETTERS).completion(given)


def test_a_hidden_token_at_the_length_is_no_end_where_it_may_be_another_special_token():
    tokenizer = build_letters_tokenizer()
    tokenizer.pad_token = "~"
    dialect = TransformersDialect(Template.for_tokenizer(tokenizer, context_length=96))

    with pytest.raises(ServerError, match="a text of 4 tokens for 5"):
        dialect.completion(served("abcd", tokens=5, reason="length"))


def test_ids_may_be_taken_from_the_text_where_only_the_text_matters():
    dialect = TransformersDialect(LETTERS, ids_from_text=True)

    assert dialect.completion(served("abc", tokens=5, reason="length")) == ([66, 67, 68], False)
    assert dialect.completion(served("abc", tokens=9, reason="stop")) == ([66, 67, 68, 0], True)
