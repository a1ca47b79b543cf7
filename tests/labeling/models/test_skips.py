from __future__ import annotations

import pytest

from labeling.models.skips import SkipReason, reason_shown


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("", ""),
        ("hard", "Too hard for me to judge"),
        ("other", "Something else"),
        ("other: too long", "too long"),
        ("not my language", "not my language"),
    ],
)
def test_a_reason_is_shown_as_people_read_it(stored: str, shown: str):
    assert str(reason_shown(stored)) == shown


def test_there_is_a_key_for_each_reason():
    assert len(SkipReason) <= 9
