from __future__ import annotations

import random

import pytest

from labeling.differences import Passage, passages


def test_equal_texts_have_no_changes():
    assert passages("Be kind.\n", "Be kind.\n") == []


def test_a_changed_word_is_told_within_its_line_and_with_a_line_around_it():
    old = "# Rules\n\nRate honestly.\nBe kind to all.\nRest often.\nThe end.\n"
    new = "# Rules\n\nRate honestly.\nBe fair to all.\nRest often.\nThe end.\n"

    assert passages(old, new) == [
        Passage("same", "Rate honestly.\n", gap=True),
        Passage("same", "Be "),
        Passage("removed", "kind"),
        Passage("added", "fair"),
        Passage("same", " to all.\n"),
        Passage("same", "Rest often.\n"),
    ]


def test_changes_that_are_far_apart_are_told_with_a_gap_between_them():
    lines = [f"line {number}\n" for number in range(20)]

    found = passages("".join(lines), "".join(["new\n", *lines, "last\n"]))

    assert [(each.change, each.text, each.gap) for each in found] == [
        ("added", "new\n", False),
        ("same", "line 0\n", False),
        ("same", "line 19\n", True),
        ("added", "last\n", False),
    ]


@pytest.mark.parametrize(("old", "new"), [("", "All new.\n"), ("All old.\n", "")])
def test_a_text_that_comes_or_goes_is_one_piece(old, new):
    [only] = passages(old, new)

    assert (only.change, only.text) == (("added", new) if new else ("removed", old))


def test_the_pieces_give_both_texts_back_whatever_changed():
    chance = random.Random(7)
    for _ in range(200):
        old, new = (
            "".join(chance.choice(["a ", "b.", "\n", "café ", "\n\n", "🙂"]) for _ in range(chance.randrange(12)))
            for _ in range(2)
        )

        found = passages(old, new)
        groups: list[list[Passage]] = [[]]
        for each in found:
            groups += [[]] if each.gap else []
            groups[-1].append(each)

        assert all("".join(each.text for each in group if each.change != "added") in old for group in groups)
        assert all("".join(each.text for each in group if each.change != "removed") in new for group in groups)
        assert any(each.change != "same" for each in found) == (old != new)


def test_a_text_without_lines_that_is_too_long_to_compare_word_by_word_is_told_as_a_whole():
    old, new = "a " * 5000, "b " * 5000

    assert passages(old, new) == [Passage("removed", old), Passage("added", new)]
