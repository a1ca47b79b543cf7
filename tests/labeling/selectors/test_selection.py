"""Filters as they are written and read."""

from __future__ import annotations

import datetime as dt

import pytest

from labeling.errors import Invalid
from labeling.selectors.selection import Selection, parse, to_words

EVERY = {
    "kinds": "pair,ranking",
    "since": "2026-11-01T00:00:00+00:00",
    "until": "2026-11-21T08:30:00+00:00",
    "annotators": "annotator-0123456789",
    "groups": "experts,held out",
    "agreement": "0.7",
    "tags": "hard",
    "policies": "3,12",
    "held_out": "false",
    "superseded": "with",
    "sources": "person",
    "extra": "true",
}


def test_every_filter_is_read_and_written_alike():
    selection = parse(EVERY)

    assert to_words(selection) == EVERY
    assert Selection.from_dict(selection.to_dict()) == selection
    assert selection.policies == (3, 12)


def test_no_filter_says_nothing():
    assert Selection().to_dict() == parse({"kinds": "", "since": None}).to_dict() == {}


def test_a_day_is_its_beginning_in_utc():
    assert parse({"since": "2026-11-21"}).since == dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    assert parse({"since": "2026-11-21T02:00:00+02:00"}).since == dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"kind": "pair"}, "there is no filter 'kind': use agreement, annotators"),
        ({"kinds": "pairs"}, "kinds is 'pairs': best, conversation"),
        ({"since": "yesterday"}, "since is 'yesterday': give a day as 2026-11-21"),
        ({"since": "2026-13-01"}, "since is '2026-13-01': give a day"),
        (
            {"since": "2026-02-01", "until": "2026-02-01"},
            "until is '2026-02-01T00:00:00.00:00': give a time after since",
        ),
        ({"agreement": "70"}, "agreement is '70': give a share from 0 to 1"),
        ({"agreement": "nan"}, "agreement is 'nan'"),
        ({"policies": "v3"}, "policies is 'v3': give versions"),
        ({"held_out": "yes"}, "held_out is 'yes': say true or false"),
        ({"superseded": "no"}, "superseded is 'no': without, with, only"),
        ({"tags": "a\x00"}, "tags is 'a"),
    ],
)
def test_what_is_no_filter_is_refused_by_its_value(words, reason):
    with pytest.raises(Invalid, match=reason.replace("+", ".")):
        parse(words)
