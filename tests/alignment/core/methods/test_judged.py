from __future__ import annotations

import pytest
import torch

from alignment.core.methods.direct_losses import chosen_of, desirable_of
from alignment.core.methods.judged import (
    Judged,
    comparison_mass,
    comparisons_of,
    picks_of,
    rankings_of,
    ratings_of,
    win_mass,
)
from alignment.core.records import Judgement, Message
from alignment.core.text import Encoded

PROMPT = (Message("user", "why"),)


def unit(count, **said):
    texts = tuple("abcdefgh"[:count])
    judgement = Judgement(prompt=PROMPT, completions=texts, **said)
    return Judged(judgement=judgement, encoded=tuple(Encoded((1,), (2,)) for _ in texts))


def test_comparisons_point_into_all_completions_one_after_the_other():
    pairs = comparisons_of([unit(2, ranks=(2, 1)), unit(3, ranks=(1, 1, 3), weight=3.0)], device="cpu")

    assert pairs.first.tolist() == [0, 2, 2, 3]
    assert pairs.second.tolist() == [1, 3, 4, 4]
    assert pairs.outcome.tolist() == [-1, 0, 1, 1]
    assert pairs.weight.tolist() == [1.0, 1.0, 1.0, 1.0]  # 3 / C(3,2)
    assert pairs.gap.tolist() == [1.0, 0.0, 1.0, 1.0]


def test_winners_come_first_when_ties_are_dropped():
    pairs = comparisons_of([unit(3, ranks=(2, 1, 2))], device="cpu").winners_first()

    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(1, 0), (1, 2)]
    assert pairs.weight.tolist() == pytest.approx([1 / 3, 1 / 3])


def test_rankings_of_differing_length_are_masked():
    groups = rankings_of([unit(2, ranks=(1, 2)), unit(1), unit(3, ranks=(2, 1, 1), weight=0.5)], device="cpu")

    assert groups.index[groups.mask].tolist() == [0, 1, 3, 4, 5]
    assert groups.mask.tolist() == [[True, True, False], [True, True, True]]
    assert groups.label[groups.mask].tolist() == [1, 2, 2, 1, 1]
    assert groups.weight.tolist() == [1.0, 0.5]


def test_picks_and_ratings_know_their_completions():
    units = [unit(2, best=1), unit(3, ratings=(None, 7, 2), weight=2.0)]

    picks, ratings = picks_of(units, device="cpu"), ratings_of(units, device="cpu")

    assert picks.label.tolist() == [1]
    assert picks.mask.tolist() == [[True, True, False]]
    assert ratings.index.tolist() == [3, 4]
    assert ratings.rating.tolist() == [7, 2]
    assert ratings.weight.tolist() == [1.0, 1.0]


def test_nothing_said_gives_empty_tensors_that_index_well():
    units = [unit(2)]
    scores = torch.tensor([0.5, 0.1])

    assert scores[comparisons_of(units, device="cpu").first].shape == (0,)
    assert scores[rankings_of(units, device="cpu").index].shape == (0, 2)
    assert scores[picks_of(units, device="cpu").index].shape == (0, 2)
    assert scores[ratings_of(units, device="cpu").index].shape == (0,)


def test_the_mass_of_a_judgement_is_its_weight_and_ties_take_their_part_of_it():
    judgement = unit(3, ranks=(1, 1, 2), weight=3.0).judgement

    assert comparison_mass(judgement) == pytest.approx(3.0)
    assert win_mass(judgement) == pytest.approx(2.0)
    assert comparison_mass(unit(2).judgement) == 0


def test_the_chosen_are_the_first_ranked_or_the_pick_and_nobody_when_all_are_tied():
    assert chosen_of(unit(3, ranks=(2, 1, 1)).judgement) == [1, 2]
    assert chosen_of(unit(3, best=0).judgement) == [0]
    assert chosen_of(unit(2, ranks=(1, 1)).judgement) == []


def test_good_and_bad_are_told_by_rating_and_else_by_first_and_last_rank():
    rated, ranked = unit(3, ratings=(5, 4, None)).judgement, unit(3, ranks=(1, 3, 2)).judgement

    assert desirable_of(rated, good_rating=5) == {0: True, 1: False}
    assert desirable_of(ranked, good_rating=5) == {0: True, 1: False}
