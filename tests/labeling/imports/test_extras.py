"""What a row of any format may say beside its prompt."""

from __future__ import annotations

import datetime as dt

import pytest

from labeling.errors import Invalid
from labeling.imports.extras import with_extras
from labeling.imports.records import make_record

RECORD = make_record(prompt="a", completions=["b", "c"], ranks=[1, 2])


def test_a_row_says_topics_tags_priority_and_when_it_was_judged():
    row = {
        "topics": ["hate"],
        "tags": ["set 1", "hard"],
        "category": "Closed QA",
        "priority": 5,
        "created": "2026-01-31T12:00:00+01:00",
    }

    record = with_extras(RECORD, row, flags=())

    assert (record.topics, record.tags, record.priority) == (("hate",), ("set 1", "hard", "Closed QA"), 5)
    assert record.created == dt.datetime(2026, 1, 31, 11, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("name", "value"), [("topics", None), ("tags", ""), ("category", None), ("priority", ""), ("created", None)]
)
def test_nothing_is_nothing(name, value):
    assert with_extras(RECORD, {name: value}, flags=()) == RECORD


def test_the_texts_of_a_csv_are_understood():
    record = with_extras(RECORD, {"tags": "b,  a ", "priority": "-3", "created": "2026-01-31T12:00:00"}, flags=())

    assert (record.tags, record.priority, record.created) == (
        ("b", "a"),
        -3,
        dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"topics": ["gore"]}, "there is no topic 'gore'"),
        ({"tags": 5}, "tags is int, not a list of names"),
        ({"tags": ["a,b"]}, "a comma"),
        ({"tags": [""]}, "a tag is empty"),
        ({"category": 3}, "category is int"),
        ({"priority": 40_000}, "the priority 40000 is not a whole number from -30,000 to 30,000"),
        ({"priority": 1.5}, "the priority 1.5 is not"),
        ({"priority": True}, "the priority True is not"),
        ({"created": "yesterday"}, "created is 'yesterday': write a time as in"),
        ({"created": 12}, "created is '12'"),
        ({"created": "2026-13-31T12:00:00"}, "write a time as in"),
        ({"created": "2999-01-01T00:00:00Z"}, "2999-01-01T00:00:00\\+00:00, which is in the future"),
    ],
)
def test_what_is_wrong_is_named(row, reason):
    with pytest.raises(Invalid, match=reason):
        with_extras(RECORD, row, flags=())
