"""Bodies that are files."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rest_framework.exceptions import ParseError

from labeling.api.parsers import RawFileParser


def test_a_body_that_breaks_off_is_refused_and_not_taken_for_a_short_one():
    context = {"request": SimpleNamespace(META={"CONTENT_LENGTH": "2000"})}

    with pytest.raises(ParseError, match="the body is cut off: 9 of 2,000 bytes came"):
        RawFileParser().parse(io.BytesIO(b"one\ntwo\n\n"), parser_context=context)


@pytest.mark.parametrize("announced", ["8", ""])
def test_a_whole_body_is_one_file(announced):
    context = {"request": SimpleNamespace(META={"CONTENT_LENGTH": announced})}

    files = RawFileParser().parse(io.BytesIO(b"one\ntwo\n"), parser_context=context).files

    with files["file"] as file:
        assert file.read() == b"one\ntwo\n"
