"""The figures of the learning benchmark as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NAMES = {
    "dpo": "DPO",
    "ppo": "PPO",
    "nash_md": "Nash-MD",
    "best_of_n": "best of n",
    "davidson": "Davidson",
    "rao_kupper": "Rao-Kupper",
    "drop": "dropped",
    "break": "broken by a coin",
    "single": "one reward model",
    "ensemble": "pessimistic ensemble",
}


def draw(found: dict[str, Any], folder: Path) -> list[str]:
    """Four figures in a folder; returns their paths.

    Raises:
        ImportError: matplotlib is not there; it comes with the extra `dev`.
    """
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, plot in (
        ("reward_model_accuracy", _accuracy),
        ("frontier", _frontier),
        ("over_optimisation", _over_optimisation),
        ("ties", _ties),
    ):
        figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
        plot(axes, found)
        axes.grid(alpha=0.3)
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=150)
        plt.close(figure)
        paths.append(str(path))
    return paths


def _accuracy(axes: Any, found: dict[str, Any]) -> None:
    rows = found["reward_models"]["accuracy"]
    sizes = [row["rankings"] for row in rows]
    axes.plot(sizes, [row["mean"] for row in rows], marker="o", label="reward model")
    axes.fill_between(sizes, [row["low"] for row in rows], [row["high"] for row in rows], alpha=0.2)
    axes.axhline(found["reward_models"]["ceiling"], linestyle="--", color="black", label="Bayes ceiling")
    axes.axhline(0.5, linestyle=":", color="gray", label="chance")
    axes.set(xscale="log", xlabel="rankings (K = 4)", ylabel="held-out accuracy", title="Reward model by labels")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_xticks([], minor=True)
    axes.legend()


def _frontier(axes: Any, found: dict[str, Any]) -> None:
    for name, points in found["frontier"].items():
        points = sorted(points, key=lambda point: point["kl"])
        roots = [max(point["kl"], 0.0) ** 0.5 for point in points]
        true, errors = ([point.get(key, 0.0) for point in points] for key in ("true_reward", "standard_error"))
        axes.errorbar(roots, true, errors, marker="o", label=NAMES[name])
    axes.axhline(found["base"]["true_reward"], linestyle=":", color="gray", label="reference")
    axes.set(xlabel="square root of the KL (nats)", ylabel="true reward (nats)", title="Reward against KL")
    axes.legend()


def _over_optimisation(axes: Any, found: dict[str, Any]) -> None:
    for colour, (name, points) in zip(("C0", "C1"), found["over_optimisation"].items(), strict=True):
        roots = [max(point["kl"], 0.0) ** 0.5 for point in points]
        start = found["base"]["true_reward"]
        axes.plot(
            [0, *roots],
            [0, *(p["true_reward"] - start for p in points)],
            marker="o",
            color=colour,
            label=f"{NAMES[name]}: true",
        )
        axes.plot(
            [0, *roots], [0, *(p["proxy"] for p in points)], linestyle="--", color=colour, label=f"{NAMES[name]}: proxy"
        )
    axes.set(
        xlabel="square root of the KL (nats)", ylabel="reward over the reference (nats)", title="Over-optimisation"
    )
    axes.legend()


def _ties(axes: Any, found: dict[str, Any]) -> None:
    ways = found["ties"]["over_broken"]
    means = [ways[name]["mean"] for name in ways]
    errors = [[ways[n]["mean"] - ways[n]["low"] for n in ways], [ways[n]["high"] - ways[n]["mean"] for n in ways]]
    axes.errorbar([NAMES[name] for name in ways], means, errors, fmt="o", capsize=4)
    axes.axhline(0, linestyle=":", color="gray")
    share = found["ties"]["tie_share"]
    axes.set(
        ylabel="accuracy over that with ties broken by a coin", title=f"What to do with ties ({share:.0%} of the pairs)"
    )
