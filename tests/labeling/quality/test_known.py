"""How much of a known answer a judgement found, counted by hand."""

from __future__ import annotations

from labeling.quality.known import Answer, Found, find, num_asked

ORDER = Answer(ranks={1: 1, 2: 2, 3: 3})


def test_each_comparison_in_the_known_order_is_right():
    assert find(ORDER, Answer(ranks={1: 1, 2: 2, 3: 3})) == Found(right=3, asked=3)
    assert find(ORDER, Answer(ranks={1: 2, 2: 1, 3: 3})) == Found(right=2, asked=3)
    assert find(ORDER, Answer(ranks={1: 3, 2: 2, 3: 1})) == Found(right=0, asked=3)


def test_a_tie_where_one_is_better_is_wrong():
    assert find(ORDER, Answer(ranks={1: 1, 2: 1, 3: 1})) == Found(right=0, asked=3)
    assert find(ORDER, Answer(ranks={1: 1, 2: 2, 3: 2})) == Found(right=2, asked=3)


def test_a_tie_in_the_known_answer_asks_nothing():
    tied = Answer(ranks={1: 1, 2: 1, 3: 2})

    assert find(tied, Answer(ranks={1: 2, 2: 1, 3: 3})) == Found(right=2, asked=2)
    assert num_asked(Answer(ranks={1: 1, 2: 1})) == 0


def test_a_rating_is_right_within_one():
    known = Answer(ratings={1: 6, 2: 3, 3: 1})

    assert find(known, Answer(ratings={1: 7, 2: 1, 3: 2})) == Found(right=2, asked=3)


def test_a_pick_is_right_when_it_is_the_one():
    assert find(Answer(best=2), Answer(best=2)) == Found(right=1, asked=1)
    assert find(Answer(best=2), Answer(best=1)) == Found(right=0, asked=1)


def test_a_pick_is_held_against_the_first_of_a_known_order():
    assert find(ORDER, Answer(best=1)) == Found(right=1, asked=1)
    assert find(ORDER, Answer(best=3)) == Found(right=0, asked=1)
    assert find(Answer(ranks={1: 1, 2: 1}), Answer(best=1)) == Found(right=0, asked=0)


def test_comparisons_and_ratings_of_one_judgement_add_up():
    known = Answer(ranks={1: 1, 2: 2}, ratings={1: 6, 2: 2})

    assert find(known, Answer(ranks={1: 1, 2: 2}, ratings={1: 4, 2: 2})) == Found(right=2, asked=3)
