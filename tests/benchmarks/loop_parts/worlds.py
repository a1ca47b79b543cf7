"""One world: offline DPO on ever more labels, and loops that ask people, all measured by the hidden true reward."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alignment.core.backbone import Backbone
from alignment.core.records import Judgement
from alignment.core.selection import Rule
from labeling.simulation.worlds import Taste, World, make_team, make_world, win_rate
from tests.benchmarks.loop_parts import language
from tests.benchmarks.loop_parts.curves import highest, labels_needed
from tests.benchmarks.loop_parts.learner import Learner, Settings
from tests.benchmarks.loop_parts.offline import Recipe, dpo
from tests.benchmarks.loop_parts.people import People

Say = Callable[[str], object]
UNSEEN = 192
"""Prompts at most that policies are compared on; nobody is asked about them."""
SAMPLES = 8
"""Completions of each unseen prompt by each side of a comparison."""
RECIPES = (
    Recipe(beta=0.1, lr=3e-4),
    Recipe(beta=0.1, lr=1e-3),
    Recipe(beta=0.05, lr=1e-3),
)
"""What offline DPO is tried with at each number of labels; the truth picks the best, which nobody could in earnest."""
ONLINE = Settings()
"""How the loops learn; they differ in their rule."""


@dataclass(frozen=True)
class Place:
    """A world, its team, the base model, and what the base writes for prompts that nobody judges."""

    seed: int
    world: World
    team: tuple[Taste, ...]
    base: Path
    """Its folder."""
    backbone: Backbone
    prompts: tuple[str, ...]
    unseen: tuple[str, ...]
    by_base: dict[str, list[str]]

    def win_rate(self, adapter: str | None) -> float:
        """How often a policy truly beats the base on unseen prompts."""
        written = language.write(self.backbone, self.unseen, adapter=adapter, completions=SAMPLES, seed=self.seed + 77)
        by_prompt = dict(zip(self.unseen, language.texts_of(written), strict=True))
        return win_rate(self.world, by_prompt, self.by_base)


def make_place(
    world: World,
    team: Sequence[Taste],
    *,
    prompts: Sequence[str],
    unseen: Sequence[str],
    folder: Path,
    samples: int,
) -> Place:
    """The base model of a world, fitted to plain texts for the prompts that may be asked about."""
    seed, chance = world.seed, random.Random(f"{world.seed} corpus")
    corpus = [(prompt, [world.plain_text(prompt, chance) for _ in range(samples)]) for prompt in prompts]
    base = language.make_base(corpus, folder / f"world-{seed}-{samples}", seed=seed)
    backbone = language.load(base)
    by_base = language.texts_of(language.write(backbone, unseen, adapter=None, completions=SAMPLES, seed=seed + 78))
    return Place(
        seed=seed,
        world=world,
        team=tuple(team),
        base=base,
        backbone=backbone,
        prompts=tuple(prompts),
        unseen=tuple(unseen),
        by_base=dict(zip(unseen, by_base, strict=True)),
    )


def random_pairs(place: Place, count: int, *, team: Sequence[Taste]) -> list[Judgement]:
    """Labels in bulk: random annotators on random pairs of what the base writes for random prompts."""
    chance = random.Random(f"{place.seed} offline")
    prompts = [chance.choice(place.prompts) for _ in range(count)]
    written = language.write(place.backbone, prompts, adapter=None, completions=2, seed=place.seed + 79)
    found = []
    for prompt, group in zip(prompts, language.texts_of(written), strict=True):
        rewards = [place.world.reward(prompt, text) for text in group]
        lengths = [len(text.split()) for text in group]
        prefers = chance.choice(team).prefers_first((rewards[0], rewards[1]), (lengths[0], lengths[1]), chance)
        ranks = (1, 2) if prefers else (2, 1)
        found.append(Judgement(prompt=language.to_prompt(prompt), completions=tuple(group), ranks=ranks))
    return found


def offline_ladder(
    place: Place, sizes: Sequence[int], *, say: Say, honest: bool = False, peers: bool = False
) -> list[dict[str, Any]]:
    """Offline DPO at each number of labels with each recipe, by its true win rate.

    Args:
        honest: labels of good annotators only.
        peers: through TRL's DPOTrainer, instead of our own.
    """
    team = [taste for taste in place.team if not (honest and taste.is_bad)]
    judged = random_pairs(place, max(sizes), team=team)
    rungs = []
    for size in sizes:
        tries = {}
        for number, recipe in enumerate(RECIPES):
            adapter = f"offline/{size}/{number}/{honest}"
            _learn(place, judged[:size], recipe, adapter=adapter, peers=peers)
            tries[f"beta {recipe.beta:g}, lr {recipe.lr:g}"] = place.win_rate(adapter)
        best = max(tries, key=lambda name: tries[name])
        rungs.append({"labels": size, "win_rate": tries[best], "recipe": best, "tries": tries})
        say(f"world {place.seed}: offline DPO on {size:,} labels wins {tries[best]:.3f} ({best})")
    return rungs


def _learn(place: Place, judged: Sequence[Judgement], recipe: Recipe, *, adapter: str, peers: bool) -> None:
    if not peers:
        dpo(place.backbone, judged, recipe, adapter=adapter, seed=place.seed)
        return
    from tests.benchmarks.loop_parts import peer  # the extra `peers`, which may be absent

    peer.dpo(place.backbone, judged, recipe, adapter=adapter, seed=place.seed, base=place.base)


def online(
    place: Place, people: People, settings: Settings, *, most_labels: int, every: int, say: Say
) -> dict[str, Any]:
    """A loop until the labels are used up, and its true win rate on the way."""
    began = time.monotonic()
    learner = Learner(place.backbone, place.prompts, settings, seed=place.seed)
    curve: list[tuple[int, float]] = []
    while people.count() < most_labels:
        people.ask(learner.propose(), version=learner.round + 1)
        learner.learn(people.judgements())
        if learner.round % every == 0:
            curve.append((people.count(), place.win_rate(learner.name)))
            say(f"world {place.seed}, {settings.rule}: {curve[-1][0]} labels win {curve[-1][1]:.3f}")
    return {
        "rule": str(settings.rule),
        "labels": people.count(),
        "curve": curve,
        "best": highest(curve),
        "kl": learner.metrics.get("kl"),
        "seconds": round(time.monotonic() - began, 1),
    }


def run_world(
    seed: int,
    *,
    folder: Path,
    rules: Sequence[Rule],
    sizes: Sequence[int],
    most_labels: int,
    every: int,
    say: Say,
    honest: bool = False,
    peers: bool = False,
) -> dict[str, Any]:
    """Offline DPO, then a loop by each rule, each in a project of its own with the same team and prompts.

    Args:
        honest: compare with offline DPO on as many labels of good annotators alone as well.
        peers: offline DPO goes through TRL.
    """
    world, team = make_world(seed), make_team(seed)
    people = People(world, team, checked=True, seed=seed)
    place = make_place(
        world,
        team,
        prompts=people.prompts(held_out=False),
        unseen=people.prompts(held_out=True)[:UNSEEN],
        folder=folder,
        samples=language.SAMPLES,
    )
    ladder = offline_ladder(place, sizes, say=say, peers=peers)
    target = ladder[-1]["win_rate"]
    careful = offline_ladder(place, sizes[-1:], say=say, honest=True, peers=peers) if honest else []
    honest_target = careful[-1]["win_rate"] if careful else None
    found: dict[str, Any] = {
        "seed": seed,
        "bad": [taste.is_bad for taste in team],
        "found_known": people.found(),
        "offline": ladder,
        "target": target,
        "honest_target": honest_target,
        "loops": [],
    }
    for number, rule in enumerate(rules):
        if number:
            people = People(world, team, checked=True, seed=seed)
        loop = online(place, people, replace(ONLINE, rule=rule), most_labels=most_labels, every=every, say=say)
        needed = {"needed": target, "needed_honest": honest_target}
        reached = {
            name: None if level is None else labels_needed(loop["curve"], level) for name, level in needed.items()
        }
        found["loops"].append({**loop, **reached})
    return found


def offline_need(world: dict[str, Any]) -> float:
    """The labels that offline DPO needs for the target: fewer than all where an earlier rung does as well."""
    rungs = world["offline"]
    return float(next(rung["labels"] for rung in rungs if rung["win_rate"] >= world["target"]))
