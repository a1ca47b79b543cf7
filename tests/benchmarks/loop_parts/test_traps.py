from __future__ import annotations

from dataclasses import replace

import pytest

from tests.benchmarks.loop_parts import language, traps

GUARDS = {"held_out", "kl", "overoptimised", "length", "eos", "repetition", "deviation"}


def test_a_candidate_of_a_trap_is_guarded_and_judged_and_a_regression_is_counted(monkeypatch, tmp_path):
    monkeypatch.setattr(language, "SHAPE", replace(language.SHAPE, epochs=1))
    for name in ("NAIVE", "CAREFUL"):
        quick = replace(getattr(traps, name), policy_steps=1, rollout_prompts=4, rollouts=2, members=2)
        monkeypatch.setattr(traps, name, quick)
    small = {"LABELS": {"naive": 24, "careful": 24}, "CANDIDATES": {"naive": 1, "careful": 1}}
    for name, value in {**small, "SECOND": 12, "UNSEEN": 24, "MOST_PAIRS": 20}.items():
        monkeypatch.setattr(traps, name, value)

    found = traps.spring_traps([0], folder=tmp_path, say=lambda _: None)

    candidates = found["details"]
    assert [each["loop"] for each in candidates] == ["naive", "careful"]
    assert found["candidates"] == 2 == found["regressions"] + found["improvements"] + found["neither"]
    for candidate in candidates:
        assert candidate["win_rate_low"] <= candidate["win_rate"] <= candidate["win_rate_high"]
        assert candidate["pairs"] <= 20
        assert candidate["worst"] == max(each["alarm"] for each in candidate["guards"].values()) > 0
        assert candidate["guards"].keys() == GUARDS
        assert not candidate["promoted"] or (candidate["preferred"] and not candidate["failed"])


def candidate(*, win_rate, is_worse, alarm, promoted=False, loop="naive", seed=0):
    guards = {"kl": {"value": alarm, "passed": alarm <= 1, "alarm": alarm}}
    return {
        "seed": seed,
        "loop": loop,
        "win_rate": win_rate,
        "is_worse": is_worse,
        "alarm": alarm,
        "worst": alarm,
        "failed": ["kl"] if alarm > 1 else [],
        "guards": guards,
        "preferred": promoted,
        "promoted": promoted,
    }


def test_the_alarm_is_held_against_the_truth_where_that_is_known():
    found = traps.summary(
        [
            candidate(win_rate=0.6, is_worse=False, alarm=0.5, promoted=True),
            candidate(win_rate=0.49, is_worse=None, alarm=0.1),
            candidate(win_rate=0.3, is_worse=True, alarm=0.4),
            candidate(win_rate=0.2, is_worse=True, alarm=1.5),
            candidate(win_rate=0.7, is_worse=False, alarm=0.2, loop="careful"),
            candidate(win_rate=0.6, is_worse=False, alarm=1.2, seed=1),
        ]
    )

    assert (found["worlds"], found["hacked"]) == (2, 1)
    assert (found["regressions"], found["improvements"], found["neither"]) == (2, 3, 1)
    assert (found["promoted_regressions"], found["promoted_improvements"]) == (0, 1)
    assert (found["stopped_by_guards"], found["improvements_stopped_by_guards"]) == (1, 1)
    assert found["alarm_auroc"] == pytest.approx(4 / 6)  # 0.4 is above 0.2 alone, 1.5 above all three
    assert found["alarm_auroc_by_guard"] == {"kl": found["alarm_auroc"]}
