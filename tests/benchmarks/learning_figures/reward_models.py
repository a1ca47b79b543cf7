"""Reward models against the number of labels, and what becomes of ties: dropped, broken by a coin, or learned from."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from alignment.core.evaluation import accuracy_with_ties
from alignment.core.records import Judgement
from labeling.simulation.annotators import QUALITIES
from tests.benchmarks.learning_figures.world import World, fit_reward_model, judge, truth

TIES = ("davidson", "rao_kupper", "drop", "break")
"""Two likelihoods of ties, and what is usual: to leave tied pairs out, or to let a coin decide them."""
TIE_MARGIN = 1.0
"""Nats within which annotators of the ties' figure call two completions equal: about a third of their pairs."""


def accuracy_by_labels(world: World, *, seeds: int, say: Callable[[str], object]) -> dict[str, Any]:
    """Held-out accuracy for 12, 25, 50 ... rankings, and the ceiling: the accuracy of the true reward itself.

    Both are measured on new labels of unseen prompts, whose noise nothing can foresee.
    """
    pool = world.write(world.backbone(), world.prompts, adapter=None, completions=4, seed=1)
    unseen = world.write(world.backbone(), world.unseen, adapter=None, completions=4, seed=2)
    sizes = sorted({*(size for size in (12, 25, 50, 100) if size < len(pool)), len(pool)})
    asked = judge(unseen, seed=10_000)
    rows = []
    for size in sizes:
        found = []
        for seed in range(seeds):
            chosen = random.Random(f"{seed} of {size}").sample(pool, size)
            model = fit_reward_model(world.backbone(), judge(chosen, seed=seed), seed=seed)
            rewards = iter(model.rewards([(each.prompt, text) for each in asked for text in each.completions]).tolist())
            found.append(accuracy(asked, [[next(rewards) for _ in each.completions] for each in asked]))
        rows.append({"rankings": size, **mean_with_interval(found)})
        say(f"reward model on {size} rankings: accuracy {rows[-1]['mean']:.3f}")
    true = [[truth(each.prompt, text) for text in each.completions] for each in asked]
    return {"accuracy": rows, "ceiling": accuracy(asked, true), "unseen_prompts": len(asked)}


def ties(world: World, *, seeds: int, say: Callable[[str], object]) -> dict[str, Any]:
    """Accuracy on what is truly better, for each way with ties, of annotators who often call two completions equal."""
    habits = replace(QUALITIES["average"], tie_margin=TIE_MARGIN)
    pool = world.write(world.backbone(), world.prompts, adapter=None, completions=4, seed=3)[:96]
    unseen = world.write(world.backbone(), world.unseen, adapter=None, completions=4, seed=4)
    strict = [
        Judgement(prompt=each.prompt, completions=each.texts, ranks=truly_ranked(each.prompt, each.texts))
        for each in unseen
    ]
    share = 0.0
    found: dict[str, list[float]] = {name: [] for name in TIES}
    for seed in range(seeds):
        judged = judge(pool, seed=seed, habits=habits)
        outcomes = [each.outcome for judgement in judged for each in judgement.comparisons()]
        share += outcomes.count(0) / len(outcomes) / seeds
        for name in TIES:
            data = [broken(each, seed=seed) for each in judged] if name == "break" else judged
            model = fit_reward_model(world.backbone(), data, seed=seed, ties="drop" if name == "break" else name)
            rewards = iter(model.rewards([(e.prompt, text) for e in strict for text in e.completions]).tolist())
            found[name].append(accuracy(strict, [[next(rewards) for _ in each.completions] for each in strict]))
    for name in TIES:
        say(f"ties, {name}: accuracy {np.mean(found[name]):.3f}")
    over = {  # seed by seed: each way learned from the same judgements
        name: mean_with_interval([mine - coin for mine, coin in zip(found[name], found["break"], strict=True)])
        for name in TIES[:-1]
    }
    ways = {name: mean_with_interval(found[name]) for name in TIES}
    return {"tie_share": share, "rankings": len(pool), "ways": ways, "over_broken": over}


def accuracy(judgements: Sequence[Judgement], scores: Sequence[Sequence[float]]) -> float:
    """Share of the decided comparisons that the scores order as they were judged."""
    difference, outcome, prompts = [], [], []
    for number, (judgement, values) in enumerate(zip(judgements, scores, strict=True)):
        for each in judgement.comparisons():
            difference.append(values[each.first] - values[each.second])
            outcome.append(each.outcome)
            prompts.append(number)
    decided = accuracy_with_ties(difference, outcome, prompts, seed=0).decided
    return decided.estimate if decided is not None else float("nan")


def truly_ranked(prompt: Any, texts: Sequence[str]) -> tuple[int, ...]:
    """Ranks by the true reward; equal ones are ties."""
    values = [truth(prompt, text) for text in texts]
    order = sorted(set(values), reverse=True)
    return tuple(order.index(value) + 1 for value in values)


def broken(judgement: Judgement, *, seed: int) -> Judgement:
    """The same with its ties broken by a coin."""
    chance = random.Random(f"{seed} {judgement.prompt} {judgement.completions}")
    ranks = judgement.ranks or ()
    order = sorted(range(len(ranks)), key=lambda k: (ranks[k], chance.random()))
    return replace(judgement, ranks=tuple(order.index(k) + 1 for k in range(len(ranks))))


def mean_with_interval(values: Sequence[float]) -> dict[str, float]:
    """Mean over seeds with a 95 % interval (Student's t); low and high are the mean with one seed."""
    mean, half = float(np.mean(values)), 0.0
    if len(values) > 1:
        half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return {"mean": mean, "low": mean - half, "high": mean + half}
