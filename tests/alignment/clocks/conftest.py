"""Rows of runs, reward models and versions as a loop leaves them, without training any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


class Past:
    """What happened in a project's loop."""

    def __init__(self, project, data: Path) -> None:
        from alignment import services

        self.project, self.data = project, data
        services.ensure_loop(project_id=project.pk)

    def run(self, method="rm", *, state="finished", trigger="loop", seen=0, ago=None, **fields) -> Any:
        """A run that ended; ``ago`` is when it began and ended."""
        from django.utils import timezone

        from alignment.models import Run

        ended = timezone.now() - ago if ago is not None else timezone.now()
        is_open = state in ("queued", "running")
        run = Run.objects.create(
            project=self.project,
            method=method,
            state=state,
            trigger=trigger,
            snapshot_last=seen,
            config={},
            code_version="1+test",
            error="it failed" if state == "failed" else "",
            finished=None if is_open else ended,
            **fields,
        )
        Run.objects.filter(pk=run.pk).update(created=ended)
        run.refresh_from_db()
        return run

    def reward_model(self, *, seen=0, run=None, is_current=False, **fields) -> Any:
        """A reward model with a file."""
        from alignment.models import RewardModel

        number = RewardModel.objects.filter(project=self.project).count() + 1
        path = f"reward_models/{self.project.slug}/{number}"
        self._file(path)
        return RewardModel.objects.create(
            project=self.project,
            run=run or self.run(seen=seen),
            number=number,
            is_current=is_current,
            path=path,
            digest="a" * 64,
            base_digest="b" * 64,
            **fields,
        )

    def preference_model(self, *, run=None) -> Any:
        """A run that trained a preference model, with its file."""
        run = run or self.run("pm")
        path = f"preference_models/{self.project.slug}/{run.pk}"
        self._file(path)
        run.results = {**run.results, "preference_model": {"path": path, "loss": 0.5}}
        run.save(update_fields=["results"])
        return run

    def version(self, *, parent=None, run=None, **fields) -> Any:
        """A version with a file."""
        from alignment.models import Policy

        number = Policy.objects.filter(project=self.project).count() + 1
        path = f"policies/{self.project.slug}/{number}"
        self._file(path)
        return Policy.objects.create(
            project=self.project,
            version=number,
            parent=parent or Policy.objects.get(project=self.project, version=1),
            run=run or self.run("dpo"),
            method=fields.pop("method", "dpo"),
            path=path,
            digest="a" * 64,
            base_digest="b" * 64,
            **fields,
        )

    def checkpoint(self, run) -> Path:
        """A checkpoint of a run beside the snapshot that it learned from."""
        folder = self.data / "runs" / str(run.pk)
        (folder / "policy" / "step-3").mkdir(parents=True)
        (folder / "policy" / "step-3" / "state.safetensors").write_bytes(b"1234")
        (folder / "snapshot.jsonl.gz").write_bytes(b"judgements")
        return folder

    def _file(self, path: str) -> None:
        (self.data / path).mkdir(parents=True)
        (self.data / path / "adapter_model.safetensors").write_bytes(b"weights")


@pytest.fixture
def past(cast, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return Past(cast.project, tmp_path)
