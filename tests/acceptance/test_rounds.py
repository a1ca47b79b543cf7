"""The loop learns: rounds of simulated judgements raise the true reward on prompts that nobody judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from acceptance.conftest import model_cache
from acceptance.system import ROOT, System

pytestmark = pytest.mark.slow


def test_two_rounds_raise_what_the_annotators_truly_want(data_folder: Path):
    system = System(data_folder, models=model_cache())
    environment = {**system.environment(), "SECRET_KEY": "only-for-this-test" * 3, "HTTPS": "0"}
    settings = {"seeds": 1, "rounds": 2, "labels": 40, "prompts": 48}

    done = subprocess.run(
        [sys.executable, "manage.py", "benchmark", "rounds"]
        + [f"--set={name}={value}" for name, value in settings.items()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    # Five seeds gained 0.41 to 0.75 in two rounds; what is left to chance in one is about 0.1.
    assert found["gain"]["mean"] > 0.2
    assert found["worlds"][0]["versions"][0] == 1
