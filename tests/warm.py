"""New processes that have the learning packages loaded: loading them takes longer than what most tests do in them.

One process loads them and nothing else, and forks itself for each that is asked for.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    [
        "peft",
        "alignment.core.backbone",
        "alignment.core.trainer",
        "transformers.models.gpt2.modeling_gpt2",
        "transformers.models.llama.modeling_llama",
    ]
)


class WarmProcess:
    """A process, asked and ended in subprocess.Popen's words."""

    def __init__(self, run: Callable[..., object], *arguments: Any) -> None:
        self.process = context.Process(target=run, args=arguments, daemon=True)
        self.process.start()

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.process.join(timeout)
        status = self.process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(str(self.process), timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        if self.process.pid is not None and self.poll() is None:
            os.kill(self.process.pid, number)

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()


def start_manage(*arguments: str, environment: Mapping[str, str], log: Path) -> WarmProcess:
    """``manage.py`` with these arguments; what it says is added to the log."""
    return WarmProcess(_manage, arguments, dict(environment), str(log))


def _manage(arguments: tuple[str, ...], environment: dict[str, str], log: str) -> None:
    target = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(target, stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    sys.argv = ["manage.py", *arguments]
    runpy.run_path("manage.py", run_name="__main__")
