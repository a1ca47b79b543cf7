"""How many labels the loop needs for what offline DPO learns from 16,384: worlds whose hidden true reward is known.

Each world has a language of its own wishes, a base model of 100 thousand parameters, twelve simulated annotators (two
spammers and an adversary among them), offline DPO on ever more labels with its best settings picked by the truth, and
loops that ask about pairs. The loops' labels go through the services that the pages use, and the database counts them,
those of known-answer items too. Everything is measured on prompts that nobody judged.

Offline DPO goes through TRL's DPOTrainer where the extra `peers` is installed, and through our own with `--peers 0`.
`--honest 1` compares with offline DPO on labels of good annotators alone as well, whom nobody could have picked out
without asking. `--traps 1` adds worlds in which a naive loop hacks its reward. `--speed 0` leaves out the times that
people wait with the default model.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alignment.artifacts import data_folder
from alignment.core.selection import Rule
from tests.benchmarks.loop_parts.curves import auc, labels_ratio, mean_with_interval
from tests.benchmarks.loop_parts.drawing import draw
from tests.benchmarks.loop_parts.speed import measure_speed
from tests.benchmarks.loop_parts.traps import spring_traps
from tests.benchmarks.loop_parts.worlds import offline_need, run_world

SETTINGS = {
    "worlds": 5,
    "first": 0,
    "offline": 16_384,
    "labels": 1344,
    "every": 1,
    "honest": 0,
    "peers": 1,
    "traps": 0,
    "trap_worlds": 100,
    "trap_first": 0,
    "trap_processes": min(os.cpu_count() or 1, 8),
    "speed": 1,
}
RULES = (Rule.RANDOM, Rule.BAI_TS)
"""The second is the active rule that is reported; everything else is equal."""


def run(*, say: Callable[[str], object], **settings: int) -> dict[str, Any]:
    """The keys of DESIGN section 4 and what they come from; `figure` is the path of a PNG, where there are worlds."""
    began = time.monotonic()
    speed = measure_speed(say=say, batches=settings["speed"]) if settings["speed"] else {}
    peer = _peer() if settings["peers"] else None
    sizes = [size for size in (1024, 4096) if size < settings["offline"]] + [settings["offline"]]
    with tempfile.TemporaryDirectory(prefix="prefloop-worlds-") as folder:
        worlds = [
            run_world(
                seed,
                folder=Path(folder),
                rules=RULES,
                sizes=sizes,
                most_labels=settings["labels"],
                every=settings["every"],
                honest=bool(settings["honest"]),
                peers=peer is not None,
                say=say,
            )
            for seed in range(settings["first"], settings["first"] + settings["worlds"])
        ]
        traps = _traps(Path(folder), settings, say=say) if settings["traps"] else {}
    found: dict[str, Any] = {
        **settings,
        **summary(worlds),
        "offline_through": peer,
        "promoted_regressions": traps.get("promoted_regressions"),
        "alarm_auroc": traps.get("alarm_auroc"),
        "label_to_queue_s": speed.get("label_to_queue_s"),
        "label_to_reward_model_s": speed.get("label_to_reward_model_s"),
        "waits": speed,
        "traps": traps,
        "details": worlds,
    }
    found["figure"] = draw(worlds, data_folder("benchmarks", "loop")) if worlds else None
    return found | {"seconds": round(time.monotonic() - began, 1)}


def _peer() -> str | None:
    """TRL and its version, where the extra `peers` is installed."""
    return f"trl {version('trl')}" if find_spec("trl") is not None else None


def _traps(folder: Path, settings: dict[str, int], *, say: Callable[[str], object]) -> dict[str, Any]:
    seeds = range(settings["trap_first"], settings["trap_first"] + settings["trap_worlds"])
    return spring_traps(seeds, folder=folder, say=say, processes=settings["trap_processes"])


def summary(worlds: list[dict[str, Any]]) -> dict[str, Any]:
    """Multipliers by rule, the active ratio, and whether the known answers tell good annotators from bad ones."""
    multipliers = {
        rule: _multiplier([_loop(world, rule) | {"offline": offline_need(world)} for world in worlds])
        for rule in map(str, RULES)
    }
    best = max(multipliers, key=lambda rule: multipliers[rule]["mean"] or 0.0)
    compared = [world for world in worlds if world["honest_target"] is not None]
    honest = [
        {"offline": float(world["offline"][-1]["labels"]), "needed": _loop(world, best)["needed_honest"]}
        for world in compared
    ]
    ratios = [ratio for world in worlds if (ratio := active_ratio(world)) is not None]
    missed = [1 - share for world in worlds for share in world["found_known"]]
    return {
        "label_multiplier": {**multipliers[best], "rule": best},
        "label_multiplier_over_honest_labels": _multiplier(honest) if honest else None,
        "multipliers": multipliers,
        "active_ratio": {
            **mean_with_interval(ratios),
            "rule": str(RULES[1]),
            "worlds": [round(each, 2) for each in ratios],
            "worlds_below_1": sum(each < 1 for each in ratios),
        },
        "annotator_auc": auc(missed, [is_bad for world in worlds for is_bad in world["bad"]]),
    }


def active_ratio(world: dict[str, Any]) -> float | None:
    """Labels of the loop with random pairs over those of the active one, for the same win rates."""
    random_one, active = (_loop(world, str(rule))["curve"] for rule in RULES)
    return labels_ratio(random_one, active)


def _loop(world: dict[str, Any], rule: str) -> dict[str, Any]:
    return next(dict(loop) for loop in world["loops"] if loop["rule"] == rule)


def _multiplier(loops: list[dict[str, Any]]) -> dict[str, Any]:
    """A world whose target was not reached counts as 0: the mean is a lower bound then."""
    each = [loop["offline"] / loop["needed"] if loop["needed"] else 0.0 for loop in loops]
    return {
        **mean_with_interval(each),
        "worlds": [round(value, 2) for value in each],
        "reached": sum(bool(loop["needed"]) for loop in loops),
    }
