"""Cells of a CSV as values."""

from __future__ import annotations

import pytest

from labeling.imports.cells import decoded


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("prompt", '[{"role": "user", "content": "Hi."}]', [{"role": "user", "content": "Hi."}]),
        ("prompt", "[1, 2] and what is next?", "[1, 2] and what is next?"),
        ("prompt", "[1, 2]", "[1, 2]"),  # a text that happens to be a list
        ("prompt", "[]", "[]"),
        ("prompt", "'=1+1", "=1+1"),  # as the export keeps it from being run
        ("prompt", "'tis so", "'tis so"),
        ("chosen", "", ""),  # hh-rlhf has empty completions
        ("messages", '[{"role": "user", "content": "Hi."}]', [{"role": "user", "content": "Hi."}]),
        ("completions", '["a", "b"]', ["a", "b"]),
        ("completions", "[broken", "[broken"),
        ("ranks", "[1, 2]", [1, 2]),
        ("best", "1", 1),
        ("priority", "-5", -5),
        ("priority", "high", "high"),
        ("notes", "12", "12"),
    ],
)
def test_a_cell_is_what_its_column_holds(name, cell, value):
    assert decoded({name: cell}) == {name: value}


def test_empty_cells_are_as_if_the_row_had_no_such_column():
    assert decoded({"prompt": "a", "ranks": "", "notes": "", "completion": "", "messages": ""}) == {"prompt": "a"}
