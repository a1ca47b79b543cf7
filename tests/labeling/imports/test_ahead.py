"""Working one part ahead."""

from __future__ import annotations

import threading

import pytest
from django.utils.translation import get_language, override

from labeling.imports.ahead import one_ahead


def test_parts_come_in_their_order_and_one_is_worked_out_while_the_last_is_used():
    begun: list[int] = []
    second = threading.Event()

    def parts():
        for number in range(3):
            begun.append(number)
            if number == 1:
                second.set()
            yield number

    got = []
    for part in one_ahead(parts()):
        if part == 0:
            assert second.wait(timeout=10)  # without anybody asking for it
        got.append(part)

    assert got == begun == [0, 1, 2]


def test_what_goes_wrong_is_raised_where_the_parts_are_used():
    def parts():
        yield 1
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"):
        list(one_ahead(parts()))


def test_the_thread_speaks_the_language_of_the_caller():
    with override("de"):
        spoken = list(one_ahead(get_language() for _ in range(1)))

    assert spoken == ["de"]
