"""A model of random weights, a project that was judged, and workers in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.warm import WarmProcess, start_manage

# Models and torch are imported where they are used: this file is read before Django is set up.

ROOT = Path(__file__).resolve().parents[2]
FAST = {
    "reward_trainer": {"steps": 6, "batch_size": 4},
    "trainer": {"steps": 6, "batch_size": 4},
    "reward_model": {"normalise_samples": 8},
    "ppo": {"max_new_tokens": 8, "epochs": 2},
    "reinforce": {"max_new_tokens": 8},
    "best_of_n": {"max_new_tokens": 8, "completions_per_prompt": 4},
    "nash_md": {"max_new_tokens": 8, "completions_per_prompt": 2},
    "evaluation": {"prompts": 4, "completions": 1},
    "sampling": {"prompts": 3, "completions": 3, "max_new_tokens": 8},
}
"""A run of seconds."""


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory) -> Path:
    from tiny_models import save_model

    folder: Path = tmp_path_factory.mktemp("models") / "toy"
    save_model(folder, architecture="llama", max_position_embeddings=256)
    return folder


@pytest.fixture
def small_world(settings, tmp_path, toy_model):
    """Folders and a model of the test's own; nothing of one test's locks or requests to end stays for the next."""
    from alignment import patience, worker

    settings.DATA_DIR, settings.MODEL = tmp_path / "data", str(toy_model)
    patience.ending.clear()
    yield tmp_path / "data"
    worker.locks.close()
    patience.ending.clear()


@pytest.fixture
def cast(db):
    """A project with four items and its people."""
    from factories import make_cast

    return make_cast(num_items=4)


@pytest.fixture
def run(cast):
    """A queued run on one judgement."""
    from factories import judge

    from alignment import services

    judge(cast.project, cast.bob)
    return services.create_run(project_id=cast.project.pk)


@pytest.fixture
def attempt_at():
    """Take a run, as a worker does, and say which attempt at it that is."""
    from alignment import bookkeeping

    def attempt(run) -> int:
        taken = bookkeeping.take_run(run_id=run.pk)
        assert taken is not None
        return taken.attempts

    return attempt


@pytest.fixture
def judged(small_world, transactional_db):
    """Six judgements by bob, the same ones in every run, and held-out prompts as the digests have it."""
    from django.db import connection
    from factories import judge, make_cast

    from labeling.services.prompts import add_prompts

    # Nobody's models: no test's clean-up empties this table.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    cast = make_cast(num_items=6)
    add_prompts(project=cast.project, prompts=[f"Which colour has number {number}?" for number in range(40)])
    for _ in range(6):
        judge(cast.project, cast.bob, by_text=True)
    return cast


@pytest.fixture
def start(judged):
    """Queue a run of seconds."""
    from alignment import services

    def start(method="dpo", *, seed=0, more=None, **arguments):
        changes = {
            section: {**FAST.get(section, {}), **(more or {}).get(section, {})} for section in {*FAST, *(more or {})}
        }
        return services.create_run(project_id=judged.project.pk, method=method, seed=seed, changes=changes, **arguments)

    return start


class Workers:
    """`manage.py worker` on the test's database, as often as needed."""

    def __init__(self, data: Path, model: Path) -> None:
        from django.db import connection

        found = connection.get_connection_params()
        host = quote(str(found.get("host", "")), safe="")
        address = f"postgresql://{found['user']}@/{found['dbname']}?host={host}&port={found.get('port', 5432)}"
        self.environment = {**os.environ, "DATABASE_URL": address, "DATA_DIR": str(data), "MODEL": str(model)}
        self.log = data / "worker.log"
        self.running: list[WarmProcess | subprocess.Popen[bytes]] = []
        data.mkdir(parents=True, exist_ok=True)

    def start(self, *arguments: str) -> WarmProcess:
        """A worker in a process that has torch loaded already."""
        process = start_manage("worker", *arguments, environment=self.environment, log=self.log)
        self.running.append(process)
        return process

    def start_cold(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A worker by its command line."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "worker", *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.running.append(process)
        return process

    def wait_until(self, condition, *, seconds=120.0, what="what was waited for"):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if value := condition():
                return value
            time.sleep(0.1)
        raise TimeoutError(f"after {seconds:.0f} s not: {what}; the worker said\n{self.log.read_text()[-3000:]}")


@pytest.fixture
def workers(judged, small_world, toy_model):
    found = Workers(small_world, toy_model)
    yield found
    for process in found.running:
        if process.poll() is None:
            process.kill()
        process.wait()
