"""How well the methods learn, from simulated annotators whose true reward is known: four figures as JSON and PNG.

The model is that of MODEL or the default one; it is the SFT policy and the reference. Everything is measured on prompts
that nobody judged. About ten minutes on two cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from alignment.artifacts import data_folder
from tests.benchmarks.learning_figures.drawing import draw
from tests.benchmarks.learning_figures.policies import frontier, over_optimisation
from tests.benchmarks.learning_figures.reward_models import accuracy_by_labels, ties
from tests.benchmarks.learning_figures.world import World, measure

SETTINGS = {"seeds": 3, "rankings": 200, "unseen": 96, "steps": 40, "best_of": 64}


def run(*, say: Callable[[str], object], **settings: int) -> dict[str, Any]:
    """Reward-model accuracy by labels, the reward-KL frontier, over-optimisation, ties; `figures` are paths."""
    began = time.monotonic()
    world = World.make(rankings=settings["rankings"], unseen=settings["unseen"])
    backbone = world.backbone()
    written = world.write(backbone, world.unseen, adapter=None, completions=4, seed=9)
    found: dict[str, Any] = {"base": asdict(measure(backbone, written, adapter=None))}
    found["reward_models"] = accuracy_by_labels(world, seeds=settings["seeds"], say=say)
    found["ties"] = ties(world, seeds=settings["seeds"], say=say)
    found["frontier"] = frontier(world, steps=settings["steps"], best_of=settings["best_of"], say=say)
    found["over_optimisation"] = over_optimisation(world, steps=settings["steps"], say=say)
    figures = draw(found, data_folder("benchmarks", "learning"))
    return {"figures": figures, **settings, **found, "seconds": round(time.monotonic() - began, 1)}
