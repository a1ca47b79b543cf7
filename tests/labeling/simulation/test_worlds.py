from __future__ import annotations

import random
from statistics import fmean, pstdev

import pytest

from labeling.simulation.worlds import Taste, make_team, make_world, win_rate

WORLD = make_world(3)
PROMPT = WORLD.prompts[0]


def best_word() -> str:
    wishes = WORLD.wishes[PROMPT.split()[0]]
    return max(wishes, key=lambda word: wishes[word])


def test_plain_texts_have_rewards_of_mean_0_and_deviation_1():
    chance = random.Random("another")

    rewards = [WORLD.reward(prompt, WORLD.plain_text(prompt, chance)) for prompt in WORLD.prompts]

    assert fmean(rewards) == pytest.approx(0, abs=0.15)
    assert pstdev(rewards) == pytest.approx(1, abs=0.1)


def test_saying_the_best_word_over_and_over_costs_more_than_it_brought():
    word = best_word()

    assert WORLD.reward(PROMPT, " ".join([word] * 6)) < WORLD.reward(PROMPT, word)


def test_another_world_wishes_for_other_words_and_the_same_seed_for_the_same():
    assert make_world(3).wishes == WORLD.wishes
    assert make_world(4).wishes != WORLD.wishes


def test_of_two_texts_the_better_wins_more_often_with_the_careful_and_less_often_with_the_adversary():
    def share(taste: Taste) -> float:
        chance = random.Random("pairs")
        return fmean(taste.prefers_first((1.0, 0.0), (5, 5), chance) for _ in range(4000))

    assert share(Taste(sharpness=2.0)) == pytest.approx(0.881, abs=0.02)
    assert share(Taste(sharpness=0.0)) == pytest.approx(0.5, abs=0.03)
    assert share(Taste(sharpness=-2.0)) == pytest.approx(0.119, abs=0.02)
    assert share(Taste(sharpness=2.0, lapse_rate=1.0)) == pytest.approx(0.5, abs=0.03)


def test_habits_of_side_and_length_move_a_choice_between_equals():
    chance = random.Random("habits")
    by_side, by_length = Taste(1.0, side_bias=1.0), Taste(1.0, length_bias=2.0)

    assert fmean(by_side.prefers_first((0, 0), (5, 5), chance) for _ in range(4000)) == pytest.approx(0.731, abs=0.03)
    assert fmean(by_length.prefers_first((0, 0), (9, 3), chance) for _ in range(4000)) == pytest.approx(0.731, abs=0.03)


def test_a_team_of_twelve_has_three_whose_labels_are_worth_nothing_or_less():
    team = make_team(0)

    assert len(team) == 12
    assert sorted(taste.sharpness for taste in team)[0] < 0
    assert sum(taste.is_bad for taste in team) == 3


def test_a_win_rate_counts_every_pair_of_the_same_prompt_and_ties_half():
    word = best_word()

    assert win_rate(WORLD, {PROMPT: [word, word]}, {PROMPT: [word]}) == 0.5
    assert win_rate(WORLD, {PROMPT: [word]}, {PROMPT: ["", word]}) == 0.75
