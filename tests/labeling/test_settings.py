"""The settings module is executed in processes of its own, as at a start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER = {
    "SECRET_KEY": "a-long-random-secret-of-a-server-7f3b9c1d5e8a2046-zyxwvutsrqponm",
    "ALLOWED_HOSTS": "labels.example",
    "DATABASE_URL": "postgresql://prefloop@db.example/labels",
    "PATH": os.environ["PATH"],
}


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={name: value for name, value in {**SERVER, **environment}.items() if value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_deployment_check_finds_nothing_with_debug_off():
    result = manage("check", "--deploy", "--fail-level", "WARNING")

    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("SECRET_KEY", "", "SECRET_KEY is not set"),
        ("DEBUG", "perhaps", "DEBUG='perhaps' is neither yes nor no"),
        ("HTTPS", "2", "HTTPS='2' is neither yes nor no"),
        ("DATABASE_URL", "mysql://db/labels", "DATABASE_URL begins with 'mysql://db/l': Prefloop needs postgresql://"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL='LOUD' is not one of"),
    ],
)
def test_a_malformed_variable_is_refused_by_name(variable, value, complaint):
    result = manage("check", **{variable: value})

    assert result.returncode != 0
    assert complaint in result.stderr
