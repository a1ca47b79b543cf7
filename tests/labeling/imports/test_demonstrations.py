"""Demonstrations out of rows."""

from __future__ import annotations

import pytest

from labeling.errors import Invalid
from labeling.imports.demonstrations import parse

USER = {"role": "user", "content": "Name a colour."}
WRITTEN = {"role": "assistant", "content": "Red."}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Name a colour.", "completion": "Red."},
        {"prompt": [USER], "completion": [WRITTEN]},
        {"messages": [USER, WRITTEN]},
        # As no_robots has it.
        {"prompt": "Name a colour.", "prompt_id": "f00", "messages": [USER, WRITTEN], "category": "Open QA"},
    ],
)
def test_every_form_of_the_same_demonstration_is_the_same_record(row):
    record = parse(row)

    assert (record.messages, record.demonstration, record.completions) == ([USER], "Red.", ())
    assert record.is_judged
    assert record.texts == ("Red.",)


def test_of_a_conversation_the_last_turn_is_the_demonstration():
    again = {"role": "user", "content": "Another one."}
    system = {"role": "system", "content": "Be brief."}

    record = parse({"messages": [system, USER, WRITTEN, again, {"role": "assistant", "content": "Blue."}]})

    assert record.messages == [system, USER, WRITTEN, again]
    assert record.demonstration == "Blue."


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "a"}, 'give "prompt" and "completion"'),
        ({"completion": "a"}, 'give "prompt" and "completion"'),
        ({"prompt": "a", "completion": "  "}, "the completion is empty"),
        ({"prompt": "a", "completion": 3}, "the completion is int, not a text"),
        ({"prompt": "a", "completion": "x" * 100_001}, "100,001 characters"),
        ({"prompt": "a", "completion": [USER]}, "one turn, the assistant's"),
        ({"prompt": "a", "completion": [WRITTEN, WRITTEN]}, "one turn, the assistant's"),
        ({"prompt": "a", "completion": [{"role": "assistant"}]}, "has no content"),
        ({"messages": [USER]}, "two turns or more"),
        ({"messages": [USER, USER]}, "one turn, the assistant's"),
        ({"messages": [WRITTEN, WRITTEN]}, "the last turn is the assistant's"),
        ({"messages": [USER, WRITTEN], "completion": "Red."}, "keep one"),
    ],
)
def test_what_is_no_demonstration_is_refused(row, reason):
    with pytest.raises(Invalid, match=reason):
        parse(row)
