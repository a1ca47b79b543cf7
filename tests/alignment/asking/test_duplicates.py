"""What nearly says the same is asked about once."""

from __future__ import annotations

import pytest

from alignment.asking.duplicates import ALIKE, distinct, shingles, similarity

LONG = "The harbour lies north of the old town, and the market opens at seven on every day but Sunday. "


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Red.", "red."),
        ("Red  and\nblue.", "Red and blue."),
        ("\ufb01ne", "fine"),  # a ligature
        (LONG * 3, LONG * 3 + "Bye."),
    ],
)
def test_near_duplicates(first: str, second: str):
    assert distinct([first, second], text=str) == [first]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Red.", "Blue."),
        ("Yes.", "No."),
        ("It is 12.", "It is 13."),
        ("", "a"),
        (LONG, LONG.replace("north", "south of")),
    ],
)
def test_what_differs_stays(first: str, second: str):
    assert distinct([first, second], text=str) == [first, second]


def test_the_first_of_those_alike_stays_and_the_order_too():
    assert distinct(["B", "a", "b ", "A", "c"], text=str) == ["B", "a", "c"]


def test_similarity_is_shared_shingles_over_all():
    # abcd, bcde, cdef against abcd, bcde, cdex
    assert similarity(shingles("abcdef"), shingles("abcdex")) == pytest.approx(2 / 4)
    assert similarity(shingles("AB"), shingles("ab")) == 1
    assert ALIKE == 0.9
