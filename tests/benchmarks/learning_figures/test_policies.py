from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import pytest
import torch

from alignment.core.records import Message
from alignment.core.rollout import Sampled
from tests.benchmarks.learning_figures import policies
from tests.benchmarks.learning_figures.world import Group

PROMPT = (Message(role="user", content="Why is the sky blue?"),)
TEXTS = ("blue", "the sky is blue because of air", "no idea", "you fool", "light is scattered by the air.")


@dataclass(frozen=True)
class Drawn:
    """A world in which the unseen prompt's completions are known."""

    unseen: tuple[object, ...] = (PROMPT,)

    def write(self, *_: object, completions: int, **__: object) -> list[Group]:
        sampled = [Sampled(text=t, ids=(n,), ended=True, logprob=0.0, prompt_ids=(1,)) for n, t in enumerate(TEXTS)]
        return [Group(PROMPT, tuple(sampled[:completions]))]


class Scores:
    """A reward model of given scores."""

    backbone = None

    def __init__(self, *scores: float) -> None:
        self.scores = scores

    def score(self, encoded: list[object]) -> torch.Tensor:
        return torch.tensor(self.scores[: len(encoded)])


def test_best_of_n_is_the_mean_over_all_choices_of_n():
    scores = (0.5, 2.0, -1.0, 3.0, 1.0)

    points = policies._best_of_n(Drawn(), Scores(*scores), most=4)

    chosen = {
        n: [max(choice, key=lambda place: scores[place]) for choice in combinations(range(4), n)] for n in (1, 2, 4)
    }
    for point in points:
        places = chosen[point["n"]]
        assert point["true_reward"] == pytest.approx(fmean(policies.truth(PROMPT, TEXTS[place]) for place in places))
        assert point["proxy"] == pytest.approx(fmean(scores[place] for place in places))
    assert [(point["n"], round(point["kl"], 4)) for point in points] == [(1, 0.0), (2, 0.1931), (4, 0.6363)]
