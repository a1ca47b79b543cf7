from __future__ import annotations

from pathlib import Path

from tests.benchmarks.learning_figures.drawing import draw

POINTS = [{"kl": 0.5, "true_reward": 0.1, "proxy": 0.3}, {"kl": 2.0, "true_reward": 0.4, "proxy": 0.9}]
FOUND = {
    "base": {"true_reward": -0.4},
    "reward_models": {
        "accuracy": [{"rankings": n, "mean": 0.6, "low": 0.55, "high": 0.65} for n in (12, 25)],
        "ceiling": 0.8,
    },
    "frontier": dict.fromkeys(("dpo", "ppo", "nash_md", "best_of_n"), POINTS),
    "over_optimisation": dict.fromkeys(("single", "ensemble"), POINTS),
    "ties": {
        "tie_share": 0.3,
        "over_broken": {name: {"mean": 0.02, "low": -0.01, "high": 0.05} for name in ("davidson", "drop")},
    },
}


def test_each_figure_is_a_picture(tmp_path: Path):
    paths = draw(FOUND, tmp_path / "figures")

    assert [Path(path).name for path in paths] == [
        "reward_model_accuracy.png",
        "frontier.png",
        "over_optimisation.png",
        "ties.png",
    ]
    assert all(Path(path).read_bytes().startswith(b"\x89PNG\r\n\x1a\n") for path in paths)
