from __future__ import annotations

from dataclasses import replace

from tests.benchmarks.loop_parts import language, traps


def test_a_candidate_of_a_trap_is_guarded_and_judged_and_a_regression_is_counted(monkeypatch, tmp_path):
    monkeypatch.setattr(language, "SHAPE", replace(language.SHAPE, epochs=1))
    monkeypatch.setattr(traps, "NAIVE", replace(traps.NAIVE, policy_steps=1, rollout_prompts=4, rollouts=2))
    for name, value in {"LABELS": 24, "SECOND": 12, "CANDIDATES": 1, "UNSEEN": 24, "MOST_PAIRS": 20}.items():
        monkeypatch.setattr(traps, name, value)

    found = traps.spring_traps([0], folder=tmp_path, say=lambda _: None)

    [candidate] = found["details"]
    assert found["candidates"] == 1
    assert found["regressions"] == (candidate["win_rate"] < 0.5)
    assert candidate["pairs"] <= 20
    assert candidate["alarm"] > 0
    assert {"held_out", "kl", "length", "eos", "repetition", "deviation"} == candidate["guards"].keys()
    assert not candidate["promoted"] or candidate["e_value"] >= traps.LEAST_E
