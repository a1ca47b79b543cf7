"""A client that knows only the HTTP API judges ten items, and the next policy's completions are in the queue."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest
from acceptance.judging import judge
from acceptance.system import System, wait_until

pytestmark = pytest.mark.slow


def finished_run(admin: httpx.Client, method: str) -> dict[str, Any] | None:
    runs = admin.get("/projects/demo/runs/").json()["results"]
    failed = [run for run in runs if run["state"] == "failed"]
    assert not failed, failed
    return next((run for run in runs if (run["state"], run["method"]) == ("finished", method)), None)


def test_ten_judgements_bring_items_of_policy_version_2(system: System):
    annotator, admin = system.client("annotator1"), system.client("admin")

    labels = judge(annotator, project="demo", count=10, chance=random.Random(1))

    assert len(set(labels)) == 10
    for method, stage in (("rm", "reward_model"), ("dpo", "policy")):
        run = wait_until(lambda method=method: finished_run(admin, method), seconds=240, what=f"finished {method} run")
        detail = admin.get(f"/runs/{run['id']}/").json()
        assert stage in {metric["stage"] for metric in detail["metrics"]}
    policies = admin.get("/projects/demo/policies/").json()["results"]
    assert {policy["version"] for policy in policies} == {1, 2}
    written = system.query("SELECT count(*) FROM labeling_item WHERE policy_version = 2")[0][0]
    assert written > 0
    # One of them is served to somebody who asks next.
    sheet = system.client("annotator2").post("/projects/demo/next/").json()
    assert len(sheet["completions"]) >= 2
