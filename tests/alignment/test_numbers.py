"""Numbers in sentences follow the language of the reader."""

from __future__ import annotations

import pytest
from django.utils import translation

from alignment.numbers import Local, fill


@pytest.mark.parametrize(
    ("language", "share", "large", "small"),
    [("en", "33 %", "12,345.6", "0.50"), ("de", "33 %", "12.345,6", "0,50")],
)
def test_separators_are_those_of_the_language(language, share, large, small):
    with translation.override(language):
        assert f"{Local(0.333):.0%}".replace("\N{NO-BREAK SPACE}", " ") == share
        assert f"{Local(12345.6):,.1f}" == large
        assert fill("{value:.2f}", value=0.5) == small


def test_what_is_no_fraction_stays_as_it_is():
    assert fill("{number} of {name}", number=12345, name="a.b") == "12345 of a.b"


def test_nothing_has_no_sign():
    assert f"{Local(-0.0001):+.1%} {Local(0.0):+.1f} {Local(-0.2):+.1f}" == "0.0\N{NO-BREAK SPACE}% 0.0 -0.2"
