"""The benchmark of training itself, with a tiny model: its figures mean nothing, their names and agreement do."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.training import SETTINGS, Bench
from tests.benchmarks.training_sides import ours, rollouts
from tests.benchmarks.training_sides.process import Side, SideFailed, Turns
from tests.benchmarks.training_sides.texts import rankings, read_text

TINY = SETTINGS | {
    "rounds": 1, "threads": 1, "hidden": 32, "layers": 1, "vocabulary": 400, "context": 160, "real_text": 0, "peers": 0,
    "rankings_5": 2, "pairs": 4, "held_out": 4, "prompts": 2, "completions": 2, "new_tokens": 4, "epochs": 1,
}  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(lambda message: None, TINY)
    made.write_model(tmp_path / "model")
    return made


def in_this_process(
    monkeypatch: pytest.MonkeyPatch, side: Any, spec: dict[str, Any], *, steps: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What a side reports of its steps, and its summary."""
    channel = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("go\n" * steps + "end\n"))
    summary = side(spec, Turns(channel))
    return [json.loads(line) for line in channel.getvalue().splitlines()], summary


@pytest.mark.slow
def test_rankings_and_their_pairs_learn_the_same(bench):
    found = bench.rankings(5)

    assert found["judgements_per_s"] > 0
    assert found["peak_mb"] > 0
    assert found["ratio_to_pairs"] > 0
    assert found["ratio_to_trl"] is None
    assert found["comparisons_per_judgement"] == 10
    assert len(found["losses"]) == 2
    assert found["pairs"]["largest_difference_of_losses"] < 1e-5
    assert found["pairs"]["largest_difference_of_margins"] < 1e-3


def test_dpo_tells_what_its_reference_cost(bench, monkeypatch):
    steps, summary = in_this_process(monkeypatch, ours.dpo, bench.work(size=2, per_step=4), steps=2)

    assert len(steps) == 2
    assert 0 < summary["reference_seconds"] < steps[0]["seconds"]
    assert summary["losses"] == [step["loss"] for step in steps]
    assert summary["losses"][0] == pytest.approx(0.693147, abs=1e-5)  # the policy begins as the reference


def test_ppo_tells_sampling_from_learning(bench, monkeypatch):
    (step,), summary = in_this_process(monkeypatch, rollouts.ppo, bench.rollouts(), steps=1)

    assert 0 < step["sampling_seconds"] < step["seconds"]
    assert 4 <= step["tokens"] <= 16
    assert summary["peak_mb"] > 0


def test_four_roles_hold_one_model_and_their_adapters(bench, monkeypatch):
    _, one = in_this_process(monkeypatch, rollouts.one_role, bench.rollouts(), steps=1)
    _, four = in_this_process(monkeypatch, rollouts.ppo, bench.rollouts(), steps=1)
    _, copies = in_this_process(monkeypatch, rollouts.ppo, bench.rollouts(full=True), steps=1)

    # base and one adapter; two adapters more; the base and three copies of it
    adapter = (four["weights_mb"] - one["weights_mb"]) / 2
    base = one["weights_mb"] - adapter
    assert copies["weights_mb"] == pytest.approx(4 * base)


@pytest.mark.parametrize("side", [rollouts.sampling, rollouts.generate])
def test_both_samplers_do_the_same_job(bench, monkeypatch, side):
    steps, _ = in_this_process(monkeypatch, side, bench.rollouts(), steps=2)

    assert len(steps) == 2
    assert all(4 <= step["tokens"] <= 16 for step in steps)


def test_a_side_that_fails_says_why():
    with Side("process.nothing", {}, threads=1) as side, pytest.raises(SideFailed, match=r"has no attribute 'nothing'"):
        side.step()


def test_rankings_have_as_many_completions_as_asked_for_and_the_prompts_own_first():
    text = read_text(real=False)

    made = rankings(text, count=3, size=9, seed=0)

    own = {prompt.messages: prompt.completions for prompt in text.prompts}
    for judgement in made:
        assert len(set(judgement.completions)) == 9
        assert judgement.ranks == (1, 2, 3, 4, 5, 6, 7, 8, 9)
        assert judgement.completions[0] == own[judgement.prompt][0]
