"""Columns of a whole batch, cut into labels and items."""

from __future__ import annotations

import pytest
from django.db import connection
from factories import judge, make_cast

from labeling.models import Item, Label, Rank
from labeling.selectors.decided import RANKED, Decided, Shown, read_decided, read_shown


def test_values_stand_in_the_order_of_the_completions_whatever_order_they_were_stored_in():
    decided = Decided([1, 1, 2, 2, 4, 4], [10, 11, 21, 20, 40, 41], [[1, 2, 3, 4, 5, 6]])

    found = [decided.of(1, [10, 11]), decided.of(2, [20, 21]), decided.of(3, [30, 31]), decided.of(4, [40, 41])]

    assert found == [[[1, 2]], [[4, 3]], None, [[5, 6]]]


def test_completions_without_a_value_have_none_and_take_none_of_the_next_label():
    decided = Decided([1, 2, 2, 2, 3], [11, 20, 21, 22, 30], [[1, 2, 3, 4, 5], ["a", "b", "c", "d", "e"]])

    found = [decided.of(1, [10, 11]), decided.of(2, [20, 22]), decided.of(3, [30])]

    assert found == [[[None, 1], [None, "a"]], [[2, 4], ["b", "d"]], [[5], ["e"]]]


def test_an_item_that_asks_about_nothing_shows_nothing():
    shown = Shown([1, 2], ["aa", "bb"], ["one", "two"], [None, 1], {}, {7: slice(0, 2)})

    assert (shown.texts[shown.of(7)], shown.texts[shown.of(8)]) == (["one", "two"], [])


@pytest.mark.django_db
def test_a_batch_is_read_as_it_is_stored():
    cast = make_cast(num_items=2)
    for _ in range(2):
        judge(cast.project, cast.bob)
    items = list(Item.objects.filter(project=cast.project).order_by("id"))
    labels = list(Label.objects.filter(project=cast.project).order_by("id"))

    with connection.cursor() as cursor:
        shown = read_shown(cursor, [item.pk for item in items])
        nothing = read_shown(cursor, [])
        ranked = read_decided(cursor, RANKED, [label.pk for label in labels])
        unranked = read_decided(cursor, RANKED, [])

    expected = [[entry.completion for entry in item.entries.order_by("position")] for item in items]
    assert [shown.texts[shown.of(item.pk)] for item in items] == [[each.text for each in row] for row in expected]
    assert nothing.texts == []
    assert unranked.of(1, [2]) is None
    for label in labels:
        ids = shown.ids[shown.of(label.item_id)]
        assert ranked.of(label.pk, ids) == [[Rank.objects.get(label=label, completion=pk).rank for pk in ids]]
