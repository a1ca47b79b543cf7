"""A side of a measurement in a process of its own, which does one step when it is told to.

Two sides that take turns, step by step, have the same noise of a shared machine; a process of its own has a peak of
memory of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[3]


class SideFailed(RuntimeError):
    """A side ended early; the message holds the end of what it wrote."""


class Side:
    """The parent's end: a function of this package, by name, with its settings, on so many threads.

    Args:
        memory_in_use: give freed memory back to the system at once. The C library keeps it for later, in pieces that
            may not fit, so that a peak is otherwise up to three times what was ever in use. Slower: not for timings.
    """

    def __init__(self, function: str, spec: Mapping[str, Any], *, threads: int, memory_in_use: bool = False) -> None:
        self.function = function
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the side)
        environment = os.environ | {
            "OMP_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "PASSIVE",
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
        }
        if memory_in_use:
            environment["MALLOC_MMAP_THRESHOLD_"] = str(2**20)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, function],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._write(json.dumps(spec))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        for end in (self._process.stdin, self._process.stdout, self._log):
            with contextlib.suppress(BrokenPipeError):  # what was not yet written has nobody to read it
                if end is not None:
                    end.close()
        self._process.wait()

    def step(self) -> dict[str, Any]:
        """Let it do one step: its `seconds` and what else it reports."""
        return self._ask("go")

    def finish(self) -> dict[str, Any]:
        """Let it end: its summary, with `peak_mb` above what it had when its libraries were loaded."""
        return self._ask("end")

    def _ask(self, word: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        self._write(word)
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._log.seek(0)
            written = self._log.read().decode(errors="replace")[-2000:]
            raise SideFailed(f"{self.function} ended with status {self._process.returncode}: {written}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # a side that has ended is found by its missing line
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()


class Turns:
    """The child's end: says what a step gave, and waits for the next turn."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._began = self._cpu_began = 0.0

    def wait(self) -> bool:
        """Whether to do another step; its clock runs from here."""
        word = sys.stdin.readline().strip()
        self._began, self._cpu_began = time.perf_counter(), time.process_time()
        return word == "go"

    def report(self, **found: Any) -> None:
        """A step is done."""
        seconds, cpu = time.perf_counter() - self._began, time.process_time() - self._cpu_began
        self.say(seconds=seconds, cpu_seconds=cpu, **found)

    def say(self, **found: Any) -> None:
        """One line to the parent."""
        self._channel.write(json.dumps(found) + "\n")
        self._channel.flush()


def resident_mb() -> float:
    """Memory that this process has now, MB (10^6 bytes); on a GPU, what torch has there."""
    return _memory("VmRSS", "memory_allocated")


def peak_mb() -> float:
    """The most that it ever had. From the kernel's account of this process alone: ru_maxrss begins as the parent's."""
    return _memory("VmHWM", "max_memory_allocated")


def _memory(field: str, on_gpu: str) -> float:
    import torch

    if torch.cuda.is_available():
        return float(getattr(torch.cuda, on_gpu)()) / 1e6
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/self/status has no {field}")


def main() -> None:
    """Run a side: the function's module and name as argument, its settings on standard input."""
    # What a library prints must not come between the lines for the parent.
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    module, _, name = sys.argv[1].rpartition(".")
    function: Callable[..., dict[str, Any]] = getattr(import_module(f"tests.benchmarks.training_sides.{module}"), name)
    spec = json.loads(sys.stdin.readline())
    turns = Turns(channel)
    summary = function(spec, turns)
    turns.say(**summary)


if __name__ == "__main__":
    main()
