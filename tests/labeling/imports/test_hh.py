"""hh-rlhf transcripts."""

from __future__ import annotations

import pytest

from labeling.errors import Invalid
from labeling.imports.hh import parse


def test_prompt_ends_before_the_last_assistant_turn_in_common():
    row = {
        "chosen": "\n\nHuman: Hi.\n\nAssistant: Hello!\n\nHuman: A colour?\n\nAssistant: Red.",
        "rejected": "\n\nHuman: Hi.\n\nAssistant: Hello!\n\nHuman: A colour?\n\nAssistant: Rather not.",
    }

    record = parse(row)

    assert record.messages == [
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "A colour?"},
    ]
    assert record.completions == ("Red.", "Rather not.")
    assert record.ranks == (1, 2)


def test_completion_that_goes_on_with_turns_is_kept_as_it_stands():
    row = {
        "chosen": "\n\nHuman: A colour?\n\nAssistant: Red.\n\nHuman: Why?\n\nAssistant: It is warm.",
        "rejected": "\n\nHuman: A colour?\n\nAssistant: No.",
    }

    record = parse(row)

    assert record.messages == [{"role": "user", "content": "A colour?"}]
    assert record.completions == ("Red.\n\nHuman: Why?\n\nAssistant: It is warm.", "No.")


def test_empty_completion_is_kept():
    record = parse({"chosen": "\n\nHuman: Hm.\n\nAssistant: ", "rejected": "\n\nHuman: Hm.\n\nAssistant: What?"})

    assert record.completions == ("", "What?")


def test_two_assistant_turns_in_a_row_stay_two_turns():
    text = "\n\nHuman: Hi.\n\nAssistant: Hello,\n\nAssistant: again.\n\nHuman: Bye.\n\nAssistant: "

    record = parse({"chosen": text + "Bye.", "rejected": text + "No."})

    assert [turn["role"] for turn in record.messages] == ["user", "assistant", "assistant", "user"]


def test_words_human_and_assistant_inside_a_turn_open_no_turn():
    text = "\n\nHuman: Are you Human: or Assistant: ?\nHuman: really?\n\nAssistant: "

    record = parse({"chosen": text + "A.", "rejected": text + "B."})

    assert record.messages == [{"role": "user", "content": "Are you Human: or Assistant: ?\nHuman: really?"}]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"chosen": "\n\nHuman: Hi.\n\nAssistant: A."}, "there is no text 'rejected'"),
        ({"chosen": 3, "rejected": "x"}, "there is no text 'chosen'"),
        ({"chosen": "Hello", "rejected": "Hello"}, "chosen begins with 'Hello'"),
        (
            {"chosen": "\n\nHuman: A?\n\nAssistant: 1", "rejected": "\n\nHuman: B?\n\nAssistant: 1"},
            "no prompt in common",
        ),
        (
            {"chosen": "\n\nHuman: A?\n\nAssistant: 1", "rejected": "\n\nHuman: A?\n\nAssistant: 1"},
            '"chosen" and "rejected" are the same text',
        ),
        ({"chosen": "\n\nHuman: \n\nAssistant: 1", "rejected": "\n\nHuman: \n\nAssistant: 2"}, "turn 1 is empty"),
        ({"chosen": "\n\nAssistant: 1", "rejected": "\n\nAssistant: 2"}, "not empty"),
    ],
)
def test_broken_transcript_is_refused_with_the_reason(row, reason):
    with pytest.raises(Invalid, match=reason):
        parse(row)
