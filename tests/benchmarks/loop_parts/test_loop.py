from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

from labeling.models import Label, Membership
from labeling.simulation.worlds import make_team, make_world
from tests.benchmarks import loop
from tests.benchmarks.loop_parts import language, worlds
from tests.benchmarks.loop_parts.learner import Settings
from tests.benchmarks.loop_parts.offline import Recipe
from tests.benchmarks.loop_parts.people import KNOWN, People

HERE = Path(__file__).parent
KEYS = {
    "label_multiplier",
    "active_ratio",
    "promoted_regressions",
    "alarm_auroc",
    "annotator_auc",
    "label_to_queue_s",
    "label_to_reward_model_s",
}


@pytest.mark.django_db
def test_the_benchmark_runs_and_says_what_it_promises(monkeypatch, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(language, "SHAPE", replace(language.SHAPE, epochs=1))
    monkeypatch.setattr(language, "SAMPLES", 1)
    monkeypatch.setattr(worlds, "UNSEEN", 8)
    monkeypatch.setattr(worlds, "RECIPES", (Recipe(lr=1e-3),))
    small = Settings(refresh=8, policy_steps=1, rollout_prompts=4, rollouts=2, members=2, candidates=4)
    monkeypatch.setattr(worlds, "ONLINE", small)
    given = {
        **loop.SETTINGS,
        "peers": 0,
        "worlds": 1,
        "offline": 32,
        "labels": 130,
        "every": 1,
        "honest": 1,
        "speed": 0,
    }

    found = loop.run(say=lambda _: None, **given)

    assert json.loads(json.dumps(found)).keys() >= KEYS
    assert found["offline_through"] is None
    assert found["details"][0]["target"] == found["details"][0]["offline"][-1]["win_rate"]
    assert [each["rule"] for each in found["details"][0]["loops"]] == ["random", "bai_ts"]
    assert 0 < found["details"][0]["honest_target"] < 1
    assert len(found["label_multiplier_over_honest_labels"]["worlds"]) == 1
    assert Path(found["figure"]).read_bytes().startswith(b"\x89PNG")
    for each in found["details"][0]["loops"]:
        assert each["labels"] == each["curve"][-1][0] >= 130
    assert Label.objects.count() == sum(each["labels"] for each in found["details"][0]["loops"])


@pytest.mark.django_db
def test_those_who_miss_known_answers_judge_nothing_else_and_every_judgement_counts():
    team = make_team(0)

    people = People(make_world(0), team, checked=True, seed=0)

    assert people.count() == KNOWN * len(team) == Label.objects.count()
    shares = people.found()
    good, bad = (
        [share for share, taste in zip(shares, team, strict=True) if taste.is_bad is is_bad] for is_bad in (False, True)
    )
    assert people.refused == {number for number, share in enumerate(shares) if share < 0.75}
    assert sum(good) / len(good) > sum(bad) / len(bad) + 0.2  # a spammer passes one time in twenty: ten coins
    let_in = Membership.objects.filter(project=people.project, is_let_in=True, role="annotator").count()
    assert let_in == len(team) - len(people.refused)
    assert people.judgements() == []


@pytest.mark.parametrize("module", ["learner", "offline", "peer", "language"])
def test_what_learns_knows_neither_the_truth_nor_the_database(module):
    tree = ast.parse((HERE / f"{module}.py").read_text())
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    assert not [name for name in named if name.split(".")[0] == "labeling"]
    ours = {name for name in named if name.startswith("tests")}
    assert ours <= {f"tests.benchmarks.loop_parts.{name}" for name in ("language", "offline")}
