"""Columns of a whole batch, cut into labels and items."""

from __future__ import annotations

import pytest
from django.db import connection
from factories import judge, make_cast

from labeling.models import Item, ItemCompletion, Label, Rank
from labeling.selectors.decided import RANKED, Decided, Shown, read_decided, read_shown


def test_values_of_labels_that_gave_one_to_each_completion_stand_as_those_do():
    decided = Decided([10, 11, 20, 21], [[1, 2, 3, 4], [*"abcd"]], {1: slice(0, 2), 2: slice(2, 4)})

    found = decided.of_each([1, 2], [slice(0, 2), slice(2, 4)], [10, 11, 20, 21])

    assert list(found) == [[[1, 2], ["a", "b"]], [[3, 4], ["c", "d"]]]


def test_values_stand_in_the_order_of_the_completions_whatever_order_they_were_stored_in():
    places = {1: slice(0, 2), 2: slice(2, 4), 4: slice(4, 6)}
    decided = Decided([10, 11, 21, 20, 40, 41], [[1, 2, 3, 4, 5, 6]], places)
    asked = [slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 8)]

    found = decided.of_each([1, 2, 3, 4], asked, [10, 11, 20, 21, 30, 31, 40, 41])

    assert list(found) == [[[1, 2]], [[4, 3]], [[None, None]], [[5, 6]]]


def test_completions_without_a_value_have_none_and_take_none_of_the_next_label():
    places = {1: slice(0, 1), 2: slice(1, 4), 3: slice(4, 5)}
    decided = Decided([11, 20, 21, 22, 30], [[1, 2, 3, 4, 5], ["a", "b", "c", "d", "e"]], places)

    found = decided.of_each([1, 2, 3], [slice(0, 2), slice(2, 4), slice(4, 5)], [10, 11, 20, 22, 30])

    assert list(found) == [[[None, 1], [None, "a"]], [[2, 4], ["b", "d"]], [[5], ["e"]]]


def test_two_labels_of_one_item_have_their_own_values():
    decided = Decided([10, 11, 10, 11], [[1, 2, 2, 1]], {1: slice(0, 2), 2: slice(2, 4)})

    found = decided.of_each([1, 2], [slice(0, 2), slice(0, 2)], [10, 11])

    assert list(found) == [[[1, 2]], [[2, 1]]]


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
    assert list(unranked.of_each([1], [slice(0, 1)], [2])) == [[[None]]]
    asked = [shown.of(label.item_id) for label in labels]
    assert list(ranked.of_each([label.pk for label in labels], asked, shown.ids)) == [
        [[Rank.objects.get(label=label, completion=pk).rank for pk in shown.ids[place]]]
        for label, place in zip(labels, asked, strict=True)
    ]


@pytest.mark.django_db
def test_a_completion_that_two_items_ask_about_is_shown_in_both_as_each_has_it():
    cast = make_cast(num_items=1)
    item = Item.objects.get(project=cast.project)
    first, second, *_ = item.entries.order_by("position").values_list("completion", flat=True)
    pair = Item.objects.create(project=cast.project, prompt=item.prompt, kind="pair", overlap=1)
    for position, completion in enumerate((second, first)):
        ItemCompletion.objects.create(item=pair, completion_id=completion, position=position)

    with connection.cursor() as cursor:
        shown = read_shown(cursor, [item.pk, pair.pk])

    assert (shown.ids[shown.of(item.pk)][:2], shown.ids[shown.of(pair.pk)]) == ([first, second], [second, first])
    texts = dict(zip(shown.ids[shown.of(item.pk)], shown.texts[shown.of(item.pk)], strict=True))
    assert shown.texts[shown.of(pair.pk)] == [texts[second], texts[first]]
