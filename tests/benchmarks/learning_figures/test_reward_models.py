from __future__ import annotations

import pytest

from alignment.core.records import Judgement, Message
from tests.benchmarks.learning_figures.reward_models import accuracy, broken, mean_with_interval, truly_ranked

PROMPT = (Message(role="user", content="Why is the sky blue?"),)


def judgement(*ranks: int) -> Judgement:
    return Judgement(prompt=PROMPT, completions=tuple(f"completion {k}" for k in range(len(ranks))), ranks=ranks)


def test_a_coin_breaks_ties_and_leaves_the_rest():
    found = {broken(judgement(2, 1, 2, 1), seed=seed).ranks for seed in range(40)}

    assert found == {(3, 1, 4, 2), (4, 1, 3, 2), (3, 2, 4, 1), (4, 2, 3, 1)}


def test_accuracy_leaves_out_what_people_called_a_tie():
    judged = [judgement(1, 2, 2), judgement(1, 2)]

    found = accuracy(judged, [[3.0, 5.0, 1.0], [2.0, 1.0]])

    assert found == pytest.approx(2 / 3)


def test_what_is_truly_better_comes_first_and_the_same_text_ties():
    ranks = truly_ranked(PROMPT, ["you fool", "The sky is blue because air scatters light.", "you fool"])

    assert ranks == (2, 1, 2)


def test_the_interval_over_seeds_is_students():
    found = mean_with_interval([0.6, 0.7, 0.8])

    assert found["mean"] == pytest.approx(0.7)
    assert found["high"] - 0.7 == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-6)
