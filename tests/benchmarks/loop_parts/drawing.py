"""The learning curves of the loop benchmark as a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

COLOURS = {"random": "C0", "bai_ts": "C1"}
NAMES = {"random": "loop, random pairs", "bai_ts": "loop, BAI-TS pairs"}


def draw(worlds: Sequence[dict[str, Any]], folder: Path) -> str:
    """Win rate by labels of each world in one figure; returns its path.

    Raises:
        ImportError: matplotlib is not there; it comes with the extra `dev`.
    """
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for number, world in enumerate(worlds):
        rungs = world["offline"]
        labels, rates = [rung["labels"] for rung in rungs], [rung["win_rate"] for rung in rungs]
        axes.plot(labels, rates, color="black", marker="s", alpha=0.6, label=None if number else "offline DPO, best of")
        for loop in world["loops"]:
            points = list(zip(*loop["curve"], strict=True)) or [(), ()]
            rule = loop["rule"]
            name = None if number else NAMES.get(rule, rule)
            axes.plot(*points, color=COLOURS.get(rule, "C2"), alpha=0.7, label=name)
    axes.axhline(0.5, linestyle=":", color="gray")
    axes.set(xscale="log", xlabel="labels, all counted", ylabel="true win rate against the base")
    axes.set_title(f"{len(worlds)} worlds")
    axes.grid(alpha=0.3)
    axes.legend()
    path = folder / "learning_curves.png"
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return str(path)
