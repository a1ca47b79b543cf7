from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from labeling.runtime.locks import FileLock

ROOT = Path(__file__).resolve().parents[4]

pytestmark = pytest.mark.slow


def run(data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "SECRET_KEY"}}
    return subprocess.run(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT,
        env={**kept, "DATA_DIR": str(data), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_port_in_use_is_told_before_anything_starts(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        port = listener.getsockname()[1]

        done = run(tmp_path / "data", PORT=str(port))

    assert done.returncode == 1
    assert f"Prefloop cannot start: port {port} is in use by another program." in done.stderr
    assert f"PORT={port + 1} make run" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_second_run_on_a_data_folder_names_the_first(tmp_path):
    first = FileLock(tmp_path / "run.lock")
    first.take_alone()
    first.write("4711")

    done = run(tmp_path)

    first.release()
    assert done.returncode == 1
    assert f"it already runs on {tmp_path} (process 4711)" in done.stderr
    assert "DATA_DIR=... make run" in done.stderr
    assert not (tmp_path / "postgres").exists()


def test_a_port_that_is_no_number_is_named(tmp_path):
    done = run(tmp_path, PORT="eighty")

    assert done.returncode == 1
    assert done.stderr == "The settings are refused: PORT='eighty' is not a whole number from 1 to 65535\n"


def test_a_server_that_is_away_is_told(tmp_path):
    address = "postgresql://nobody@127.0.0.1:9/prefloop"  # port 9 discards; nothing listens there

    done = run(tmp_path, DATABASE_URL=address, PORT=_free_port())

    assert done.returncode == 1
    assert "Prefloop cannot start: the database does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def _free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])
