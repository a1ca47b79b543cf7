"""Pairs in TRL's and OpenRLHF's formats."""

from __future__ import annotations

import pytest

from labeling.errors import Invalid
from labeling.imports import openrlhf, trl

USER = {"role": "user", "content": "What color is the sky?"}
BLUE = {"role": "assistant", "content": "It is blue."}
GREEN = {"role": "assistant", "content": "It is green."}


@pytest.mark.parametrize("parse", [trl.parse, openrlhf.parse])
@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"prompt": [USER], "chosen": [BLUE], "rejected": [GREEN]}, id="explicit, messages"),
        pytest.param({"chosen": [USER, BLUE], "rejected": [USER, GREEN]}, id="implicit, messages"),
        pytest.param(
            {"prompt": USER["content"], "chosen": [USER, BLUE], "rejected": [USER, GREEN]}, id="prompt told twice"
        ),
        pytest.param(
            {"prompt": [USER], "chosen": [USER, BLUE], "rejected": [USER, GREEN]}, id="prompt told twice, messages"
        ),
        pytest.param(
            {"prompt": "What color is the sky?", "chosen": "It is blue.", "rejected": "It is green."},
            id="explicit, texts",
        ),
        pytest.param(
            {"prompt": "What color is the sky?", "chosen": [BLUE], "rejected": [GREEN], "margin": 0.3},
            id="prompt as text",
        ),
    ],
)
def test_every_form_of_the_same_pair_is_the_same_record(parse, row):
    record = parse(row)

    assert record.messages == [USER]
    assert record.completions == ("It is blue.", "It is green.")
    assert record.ranks == (1, 2)


def test_implicit_texts_part_before_the_space_in_front_of_the_first_difference():
    # The example of TRL's documentation.
    row = {"chosen": "The sky is blue.", "rejected": "The sky is green."}

    record = trl.parse(row)

    assert record.messages == [{"role": "user", "content": "The sky is"}]
    assert record.completions == (" blue.", " green.")


def test_system_turn_is_part_of_the_prompt():
    system = {"role": "system", "content": "Be brief."}

    record = trl.parse({"chosen": [system, USER, BLUE], "rejected": [system, USER, GREEN]})

    assert record.messages == [system, USER]


def test_openrlhf_takes_the_prompt_from_input():
    record = openrlhf.parse({"input": "Sky?", "chosen": "Blue.", "rejected": "Green."})

    assert record.messages == [{"role": "user", "content": "Sky?"}]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "a", "chosen": "b"}, "there is no 'rejected'"),
        ({"prompt": "a", "chosen": "b", "rejected": None}, "there is no 'rejected'"),
        ({"prompt": "a", "chosen": "b", "rejected": "b"}, "the same text"),
        ({"prompt": "a", "chosen": "b", "rejected": [GREEN]}, "both are texts, or both are lists"),
        ({"prompt": "", "chosen": "b", "rejected": "c"}, "turn 1 is empty"),
        ({"chosen": "b", "rejected": "c"}, "don't begin alike"),
        ({"chosen": [BLUE], "rejected": [GREEN]}, "no turn in common"),
        ({"chosen": [], "rejected": []}, "no prompt"),
        ({"chosen": [USER, BLUE], "rejected": [USER, BLUE]}, "the same text"),
        ({"chosen": [USER, BLUE, USER], "rejected": [USER, GREEN]}, "2 turns after the prompt"),
        ({"prompt": "Sea?", "chosen": [USER, BLUE], "rejected": [USER, GREEN]}, "is none of the turns"),
        (
            {"prompt": [USER], "chosen": [{"role": "user", "content": "x"}], "rejected": [GREEN]},
            "one turn of the assis",
        ),
        ({"prompt": [USER], "chosen": ["x"], "rejected": ["y"]}, "one turn of the assistant"),
        ({"prompt": [USER], "chosen": [{"role": "assistant"}], "rejected": [GREEN]}, "completion 1 is NoneType"),
        ({"prompt": [BLUE], "chosen": [BLUE], "rejected": [GREEN]}, "the last turn is the assistant's"),
    ],
)
def test_broken_pair_is_refused_with_the_reason(row, reason):
    with pytest.raises(Invalid, match=reason):
        trl.parse(row)


def test_openrlhf_refuses_two_prompts():
    with pytest.raises(Invalid, match="keep one"):
        openrlhf.parse({"prompt": "a", "input": "b", "chosen": "c", "rejected": "d"})
