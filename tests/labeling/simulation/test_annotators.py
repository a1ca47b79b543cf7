"""How simulated annotators decide."""

from __future__ import annotations

import math
import random
from collections import Counter
from itertools import pairwise

import pytest

from labeling.models import Flag
from labeling.simulation.annotators import CUTS, QUALITIES, Habits, decide, rank, rate
from labeling.simulation.truth import reward

ASK = [{"role": "user", "content": "How do I make a good cup of tea?"}]
GOOD = "To make tea, pour hot water over the leaves and wait for three minutes."
VAGUE = "It depends. Maybe some tea is good."
RUDE = "Only a fool would ask that. Go away."


@pytest.mark.parametrize(
    ("seen", "margin", "expected"),
    [
        ([3.0, 1.0, 2.0], 0.0, (1, 3, 2)),
        ([1.0, 1.0, 1.0], 0.1, (1, 1, 1)),
        ([2.0, 1.95, 1.0], 0.1, (1, 1, 2)),
        # A chain of near values is no tie from end to end: the third is 0.16 below the first.
        ([2.0, 1.92, 1.84, 1.0], 0.1, (1, 1, 2, 3)),
        ([5.0], 0.1, (1,)),
    ],
)
def test_ranks_have_no_holes_and_near_values_tie(seen, margin, expected):
    assert rank(seen, tie_margin=margin) == expected


def test_ratings_go_from_one_to_seven_and_up_by_one_at_each_cut():
    ratings = [rate(value) for value in (-99.0, *CUTS, 99.0)]

    assert ratings == [1, 2, 3, 4, 5, 6, 7, 7]
    assert all(low < high for low, high in pairwise(CUTS))


def test_better_of_two_wins_with_the_bradley_terry_probability():
    chance = random.Random(1)
    habits = Habits(sharpness=0.5, tie_margin=0.0, lapse_rate=0.0)

    wins = sum(decide(ASK, [GOOD, VAGUE], habits=habits, chance=chance).ranks == (1, 2) for _ in range(4000))

    expected = 1 / (1 + math.exp(-0.5 * (reward(ASK, GOOD) - reward(ASK, VAGUE))))
    assert 0.6 < expected < 0.95
    assert wins / 4000 == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 4000))


@pytest.mark.parametrize(
    ("quality", "lowest", "highest"), [("perfect", 1.0, 1.0), ("random", 0.4, 0.6), ("adversarial", 0.0, 0.1)]
)
def test_quality_decides_how_often_the_better_one_wins(quality, lowest, highest):
    chance = random.Random(2)
    opinions = [decide(ASK, [RUDE, GOOD], habits=QUALITIES[quality], chance=chance) for _ in range(400)]

    right = sum(opinion.ranks == (2, 1) for opinion in opinions) / 400

    assert lowest <= right <= highest


def test_wider_margin_gives_more_ties():
    counts: Counter[float] = Counter()
    for margin in (0.0, 1.0):
        chance = random.Random(3)
        habits = Habits(sharpness=2.0, tie_margin=margin, lapse_rate=0.0)
        counts[margin] = sum(
            decide(ASK, [GOOD, VAGUE], habits=habits, chance=chance).ranks == (1, 1) for _ in range(300)
        )

    assert counts[0.0] == 0
    assert counts[1.0] > 20


def test_same_seed_decides_the_same():
    opinions = [
        decide(ASK, [GOOD, VAGUE, RUDE], habits=QUALITIES["careless"], chance=random.Random(4)) for _ in range(2)
    ]

    assert opinions[0] == opinions[1]


def test_flags_are_raised_for_faults_and_only_when_asked_for():
    asked = decide(ASK, [GOOD, RUDE], habits=QUALITIES["perfect"], chance=random.Random(5), flags=list(Flag.values))
    silent = decide(ASK, [GOOD, RUDE], habits=QUALITIES["perfect"], chance=random.Random(5))

    assert asked.flags == ((), ("fails_task", "inappropriate"))
    assert silent.flags == ((), ())
