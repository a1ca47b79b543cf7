"""How fast is learning, and in how much memory? Our own layouts against each other, and against TRL where it is.

Every side is a process of its own; the sides of a comparison take turns step by step, so that what else the machine
does slows them alike, and a ratio is the median over those pairs of steps. The first step of each is a warm-up. All
sides get the same token ids in the same batches, the same first weights, optimizer and learning rates, and their losses
are compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from importlib.util import find_spec
from math import comb
from pathlib import Path
from statistics import median
from typing import Any

import torch

from tests.benchmarks.training_sides import texts
from tests.benchmarks.training_sides.process import Side
from tests.benchmarks.training_sides.workload import Work, mfu, right

SIZES = (2, 5, 9)
SETTINGS = {
    "rounds": 4,  # timed steps of each side
    "threads": 2,
    "hidden": 256,
    "layers": 4,
    "vocabulary": 8192,
    "context": 512,
    "real_text": 1,  # hh-rlhf where it is, else the demo corpus
    "rankings_2": 16,  # a step
    "rankings_5": 4,
    "rankings_9": 2,
    "pairs": 16,  # of DPO, a step
    "micro_batch_tokens": 2048,  # of ours, without padding; TRL has 8 pairs, padded
    "held_out": 100,
    "prompts": 8,  # of PPO, a step
    "completions": 4,
    "new_tokens": 64,
    "epochs": 4,  # of PPO over its rollouts, its default
    "peers": 1,  # 0: leave TRL out
}

Say = Callable[[str], object]


def run(*, say: Say, **settings: int) -> dict[str, Any]:
    """Everything of DESIGN.md, section 4, and what it was measured with."""
    bench = Bench(say, settings)
    with tempfile.TemporaryDirectory(prefix="prefloop-") as folder:
        model = bench.write_model(Path(folder))
        found = {
            "model": model,
            "device": _device(settings["threads"]),
            "rankings": {str(size): bench.rankings(size) for size in SIZES},
            "dpo": bench.dpo(),
            "ppo": bench.ppo(),
            "roles": bench.roles(),
        }
    return {**found, "settings": settings, "peer": _peer() if bench.peers else None}


class Bench:
    """The comparisons, and what they have in common."""

    def __init__(self, say: Say, settings: Mapping[str, int]) -> None:
        self.say, self.settings = say, settings
        self.steps = settings["rounds"] + 1  # a warm-up first
        self.peers = bool(settings["peers"]) and find_spec("trl") is not None
        self.text = texts.read_text(real=bool(settings["real_text"]))
        self.folder, self.parameters = "", 0

    def write_model(self, folder: Path) -> dict[str, Any]:
        """The model of all sides."""
        names = ("hidden", "layers", "vocabulary", "context")
        shape = texts.Shape(**{name: self.settings[name] for name in names})
        model = texts.write_model(folder, shape=shape, text=self.text)
        self.folder, self.parameters = str(folder), model["parameters"]
        return model

    def work(self, *, size: int, per_step: int) -> dict[str, Any]:
        """Rankings for all steps of a side."""
        count = min(per_step * self.steps, len(self.text.prompts) // per_step * per_step)
        train = texts.rankings(self.text, count=count, size=size, seed=0)
        held_out = texts.rankings(self.text, count=self.settings["held_out"], size=2, seed=1)
        return Work(
            model=self.folder,
            train=train,
            held_out=held_out,
            per_step=per_step,
            micro_batch_tokens=self.settings["micro_batch_tokens"],
        ).to_json()

    def rankings(self, size: int) -> dict[str, Any]:
        """Reward models on rankings of so many completions."""
        per_step = self.settings[f"rankings_{size}"]
        sides = ["ours.rankings", "ours.pairs", *(["peer.rankings"] if self.peers else [])]
        steps, ends = self.alternate(sides, self.work(size=size, per_step=per_step), what=f"K = {size}")
        ours, *others = ends
        ratios = [_ratios(steps[0], each) for each in steps[1:]]
        return {
            "judgements_per_s": per_step / _seconds(steps[0]),
            "peak_mb": ours["peak_mb"],
            "ratio_to_pairs": ratios[0]["seconds"],
            "ratio_to_trl": ratios[1]["seconds"] if self.peers else None,
            "comparisons_per_judgement": comb(size, 2),
            "rankings_per_step": per_step,
            "tokens_per_s": ours["tokens"] / _seconds(steps[0]),
            "mfu": mfu(parameters=self.parameters, tokens_per_s=ours["tokens"] / _seconds(steps[0])),
            "pairs": _other(steps[1], others[0], ratios[0], ours, count=per_step),
            "trl": _other(steps[2], others[1], ratios[1], ours, count=per_step) if self.peers else None,
            "held_out_accuracy": right(ours["margins"]),
            "losses": ours["losses"],
        }

    def dpo(self) -> dict[str, Any]:
        """DPO on pairs; what the reference's log-probabilities cost before the first step is shared out to all."""
        per_step = self.settings["pairs"]
        sides = ["ours.dpo", *(["peer.dpo"] if self.peers else [])]
        steps, ends = self.alternate(sides, self.work(size=2, per_step=per_step), what="DPO")
        ours = ends[0]
        for name in ("seconds", "cpu_seconds"):
            for step in steps[0]:
                step[name] += ours[f"reference_{name}"] / ours["steps"]
        ratio = _ratios(steps[0], steps[1]) if self.peers else None
        return {
            "pairs_per_s": per_step / _seconds(steps[0]),
            "peak_mb": ours["peak_mb"],
            "ratio_to_trl": ratio["seconds"] if ratio else None,
            "pairs_per_step": per_step,
            "tokens_per_s": ours["tokens"] / _seconds(steps[0]),
            "mfu": mfu(parameters=self.parameters, tokens_per_s=ours["tokens"] / _seconds(steps[0])),
            "trl": _other(steps[1], ends[1], ratio, ours, count=per_step) if ratio else None,
            "losses": ours["losses"],
        }

    def ppo(self) -> dict[str, Any]:
        """PPO's tokens/s, sampling and learning apart, and sampling alone against transformers' own generate."""
        steps, ends = self.alternate(["rollouts.ppo"], self.rollouts(), what="PPO")
        each = steps[0]
        both, _ = self.alternate(["rollouts.sampling", "rollouts.generate"], self.rollouts(), what="sampling")
        rates = [median(step["tokens"] / step["seconds"] for step in side) for side in both]
        return {
            "tokens_per_s": median(step["tokens"] / step["seconds"] for step in each),
            "sampling_tokens_per_s": median(step["tokens"] / step["sampling_seconds"] for step in each),
            "learning_tokens_per_s": median(
                step["tokens"] / (step["seconds"] - step["sampling_seconds"]) for step in each
            ),
            "sampling_share": median(step["sampling_seconds"] / step["seconds"] for step in each),
            "epochs": self.settings["epochs"],
            "peak_mb": ends[0]["peak_mb"],
            "sampler": {
                "tokens_per_s": rates[0],
                "generate_tokens_per_s": rates[1],
                "ratio_to_generate": median(_per_token(b) / _per_token(a) for a, b in zip(*both, strict=True)),
            },
        }

    def roles(self) -> dict[str, Any]:
        """Peaks of the memory in use of one role that learns, and of PPO's four: on adapters, and on full copies."""
        ends = {}
        for name, function, full in (
            ("one", "rollouts.one_role", False),
            ("four", "rollouts.ppo", False),
            ("one_full", "rollouts.one_role", True),
            ("four_full", "rollouts.ppo", True),
        ):
            spec = self.rollouts(full=full)
            _, (ends[name],) = self.alternate([function], spec, what=f"memory of {name}", memory_in_use=True)
        found = {f"{name}_mb": end["peak_mb"] for name, end in ends.items()}
        weights = {f"{name}_weights_mb": end["weights_mb"] for name, end in ends.items()}
        return {**found, "ratio": found["four_mb"] / found["one_mb"], **weights}

    def rollouts(self, *, full: bool = False) -> dict[str, Any]:
        """What the sides that sample are given."""
        sampling = {"completions": self.settings["completions"], "tokens": self.settings["new_tokens"]}
        work = self.work(size=2, per_step=self.settings["prompts"])
        return {"work": work, "sampling": sampling, "full": full, "epochs": self.settings["epochs"]}

    def alternate(
        self, functions: Sequence[str], spec: dict[str, Any], *, what: str, memory_in_use: bool = False
    ) -> tuple[list[list[dict[str, Any]]], list[dict[str, Any]]]:
        """Let sides take turns; their timed steps, and their summaries."""
        found: list[list[dict[str, Any]]] = [[] for _ in functions]
        with ExitStack() as stack:
            threads = self.settings["threads"]
            sides = [
                stack.enter_context(Side(each, spec, threads=threads, memory_in_use=memory_in_use))
                for each in functions
            ]
            for number in range(2 if memory_in_use else self.steps):
                for side, results in zip(sides, found, strict=True):
                    results.append(side.step())
                timings = ", ".join(
                    f"{side.function} {results[-1]['seconds']:.2f} s"
                    for side, results in zip(sides, found, strict=True)
                )
                self.say(f"{what}, step {number}{' (warm-up)' if number == 0 else ''}: {timings}")
            ends = [side.finish() for side in sides]
        return [results[1:] for results in found], ends


def _seconds(steps: Sequence[Mapping[str, float]]) -> float:
    return median(step["seconds"] for step in steps)


def _per_token(step: Mapping[str, float]) -> float:
    return step["seconds"] / step["tokens"]


def _ratios(ours: Sequence[Mapping[str, float]], others: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """How many times as long the other side took: medians over pairs of steps, by the clock and by processor time."""
    pairs = list(zip(ours, others, strict=True))
    return {name: median(theirs[name] / mine[name] for mine, theirs in pairs) for name in ("seconds", "cpu_seconds")}


def _other(
    steps: Sequence[Mapping[str, float]],
    end: Mapping[str, Any],
    ratio: Mapping[str, float],
    ours: Mapping[str, Any],
    *,
    count: int,
) -> dict[str, Any]:
    """Another side's figures, and how far what it learned is from what ours did."""
    found = {
        "per_s": count / _seconds(steps),
        "peak_mb": end["peak_mb"],
        "ratio_of_cpu_time": ratio["cpu_seconds"],
        "ratio_of_peaks": end["peak_mb"] / ours["peak_mb"],
        "largest_difference_of_losses": _furthest(end["losses"], ours["losses"]),
    }
    if "margins" in end:
        found["held_out_accuracy"] = right(end["margins"])
        found["largest_difference_of_margins"] = _furthest(end["margins"], ours["margins"])
    return found


def _furthest(some: Sequence[float], others: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(some, others, strict=True))


def _device(threads: int) -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {threads} threads"


def _peer() -> dict[str, Any]:
    return {"trl": version("trl"), "per_device_train_batch_size": 8, "gradient_checkpointing": False}
