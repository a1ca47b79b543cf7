"""SIGKILL to the web process, the worker and the database, each in the middle of its work; and no database at all."""

from __future__ import annotations

import random
import threading
import uuid
from typing import Any

import httpx
import pytest
from acceptance.judging import verdict_on
from acceptance.system import System, wait_until

pytestmark = pytest.mark.slow


AWAY_SECONDS = 5.0
"""For so long there is no database while people judge and the worker trains; a minute was tried by hand."""


class StubbornAnnotator(threading.Thread):
    """Judges over HTTP until told to stop; an answer that got lost is asked for again with the same client id."""

    def __init__(self, system: System, username: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.system, self.username = system, username
        self.chance = random.Random(seed)
        self.done = threading.Event()
        self.acknowledged: dict[str, int] = {}
        self.problems: list[str] = []

    def run(self) -> None:
        client = self.system.client(self.username)
        while not self.done.is_set():
            sheet = self.ask(client, "/projects/demo/next/")
            if sheet is None:
                self.done.wait(0.5)
                continue
            verdict = verdict_on(sheet, self.chance)
            answer = self.ask(client, f"/assignments/{sheet['assignment']}/submit/", json=verdict)
            if answer is not None:
                self.acknowledged[verdict["client_id"]] = answer["label"]
            self.done.wait(0.1)

    def ask(self, client: httpx.Client, path: str, **arguments: Any) -> dict[str, Any] | None:
        while not self.done.is_set():
            try:
                answer = client.post(path, **arguments)
            except httpx.HTTPError:
                self.done.wait(0.3)
                continue
            if answer.status_code == 204:
                return None
            if answer.status_code in {200, 201}:
                body: dict[str, Any] = answer.json()
                return body
            if answer.status_code != 503:  # 503: the database is away
                self.problems.append(f"{path}: {answer.status_code} {answer.text[:300]}")
                return None
            self.done.wait(0.3)
        return None


def test_nothing_submitted_is_lost_or_doubled_and_the_run_goes_on(system: System):
    annotators = [StubbornAnnotator(system, name, seed) for seed, name in enumerate(("annotator1", "annotator2"))]
    for annotator in annotators:
        annotator.start()
    wait_until(lambda: system.query("SELECT 1 FROM alignment_metric"), seconds=180, what="step of a training run")
    run = system.query("SELECT min(run_id) FROM alignment_metric")[0][0]

    for part in ("worker", "web"):
        system.kill(part)
        wait_until(system.is_healthy, seconds=60, what=f"recovery after the {part} was killed")
    workers = system.pids_of("worker")
    system.be_without_database(seconds=AWAY_SECONDS)
    wait_until(system.is_healthy, seconds=60, what="recovery after the database was away")

    wait_until(
        lambda: system.query("SELECT 1 FROM alignment_run WHERE id = %s AND state = 'finished'", run),
        seconds=240,
        what="end of the run that was interrupted",
    )
    for annotator in annotators:
        annotator.done.set()
        annotator.join(timeout=60)
    assert [annotator.problems for annotator in annotators] == [[], []], system.tail()
    assert set(workers) <= set(system.pids_of("worker"))  # they waited for the database
    acknowledged = {key: label for annotator in annotators for key, label in annotator.acknowledged.items()}
    stored = dict(system.query("SELECT client_id, id FROM labeling_label WHERE source = 'person'"))
    assert acknowledged
    assert {uuid.UUID(key): label for key, label in acknowledged.items()}.items() <= stored.items()
    doubled = system.query("SELECT assignment_id FROM labeling_label GROUP BY assignment_id HAVING count(*) > 1")
    assert doubled == []
    over = system.query(
        "SELECT i.id FROM labeling_item i JOIN labeling_label l ON l.item_id = i.id "
        "WHERE NOT l.is_extra GROUP BY i.id HAVING count(*) > i.overlap"
    )
    assert over == []
    repeated = system.query("SELECT run_id, stage, step FROM alignment_metric GROUP BY 1, 2, 3 HAVING count(*) > 1")
    assert repeated == []
