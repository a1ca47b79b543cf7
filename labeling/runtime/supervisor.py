"""Keep a few processes running: start them, pass on what they say, start again what dies, stop all of them in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

FIRST_DELAY = 0.5  # seconds before a process that died starts again; doubles with each death
LONGEST_DELAY = 30.0
HEALTHY_SECONDS = 60.0  # one that lived this long begins again with the first delay
STOP_SECONDS = 20.0  # time for requests in flight and for a training step to end
TICK_SECONDS = 0.1
KEPT_LOGS = 5
WRAPPER = Path(__file__).with_name("child.py")


@dataclass(frozen=True)
class Program:
    """A process to keep running."""

    name: str
    """Its name in the log."""
    command: Sequence[str]
    """The program and its arguments."""


@dataclass
class Backoff:
    """How long to wait before the next start."""

    delay: float = field(default=0.0, init=False)
    """The last delay in seconds; 0 before the first death."""

    def after(self, uptime: float) -> float:
        """The delay in seconds after a process lived for ``uptime`` seconds."""
        fresh = self.delay == 0 or uptime >= HEALTHY_SECONDS
        self.delay = FIRST_DELAY if fresh else min(2 * self.delay, LONGEST_DELAY)
        return self.delay


class Interruption:
    """Ctrl-C, SIGTERM and a closed terminal: they raise KeyboardInterrupt, or are counted during supervision."""

    def __init__(self) -> None:
        self.count = 0
        self.counting = False

    @contextmanager
    def listening(self) -> Iterator[Interruption]:
        """Take the three signals over for the block."""
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [(signum, signal.signal(signum, self._receive)) for signum in signals]
        try:
            yield self
        finally:
            for signum, handler in before:
                signal.signal(signum, handler)

    @contextmanager
    def counted(self, counting: bool = True) -> Iterator[None]:
        """Count signals during the block, or raise on them."""
        before, self.counting = self.counting, counting
        try:
            yield
        finally:
            self.counting = before

    def _receive(self, _signum: int, _frame: FrameType | None) -> None:
        self.count += 1
        if not self.counting:
            raise KeyboardInterrupt


class Child:
    """One program with its current process, its log and its delays."""

    def __init__(self, program: Program, *, log: Path, say: Callable[[str], None]) -> None:
        self.program = program
        self.log = log
        self.say = say
        self.process: subprocess.Popen[bytes] | None = None
        self.reader: threading.Thread | None = None
        self.backoff = Backoff()
        self.started = 0.0
        self.due = 0.0  # when to start next, on the monotonic clock

    def tend(self) -> None:
        """Start the process when it is due; take note when it died."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self._start()
            return
        status = self.process.poll()
        if status is None:
            return
        self.kill_group()  # what it forked must not work on beside its successor
        delay = self.backoff.after(now - self.started)
        self.due = now + delay
        self.forget()
        self.say(f"{self.program.name} {_ending(status)}; it starts again in {delay:g} s")

    def send(self, signum: signal.Signals) -> None:
        """Send the process a signal if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signum)

    def kill_group(self) -> None:
        """Kill the process and all that it started, unless they left its group."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether no process runs."""
        return self.process is None or self.process.poll() is not None

    def forget(self) -> None:
        """Let go of an ended process, after the last of its words."""
        if self.process is not None and self.reader is not None:
            # A grandchild may hold the pipe open: its words are not waited for.
            self.reader.join(timeout=1)
        self.process = None

    def _start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            wrapped(self.program.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # the terminal's Ctrl-C is for the supervisor, which stops them in order
        )
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def _read(self, lines: IO[bytes]) -> None:
        with lines, self.log.open("ab", buffering=0) as log:
            for line in lines:
                log.write(line)
                self.say(f"{self.program.name:<7} | {line.decode(errors='replace').rstrip()}")


class Supervisor:
    """Keeps programs running until it is interrupted."""

    def __init__(self, programs: Sequence[Program], *, logs: Path, say: Callable[[str], None]) -> None:
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for program in programs:
            rotate(logs / f"{program.name}.log")
        self.say = say
        self.children = [Child(program, log=logs / f"{program.name}.log", say=say) for program in programs]

    def run(self, *, interruption: Interruption, tend: Callable[[], None]) -> None:
        """Supervise until the first signal, calling ``tend`` in between, then stop all; a second signal kills them."""
        with interruption.counted():
            try:
                while not interruption.count:
                    for child in self.children:
                        child.tend()
                    tend()
                    time.sleep(TICK_SECONDS)
            except KeyboardInterrupt:
                interruption.count = max(interruption.count, 1)  # tend may ask for signals to be raised
            finally:
                self.stop(interruption)

    def stop(self, interruption: Interruption) -> None:
        """SIGTERM to each in order, SIGKILL after ``STOP_SECONDS`` or a second signal."""
        self.say("Stopping (Ctrl-C again stops at once)")
        for child in self.children:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while not all(child.has_ended() for child in self.children):
            if interruption.count > 1 or time.monotonic() > deadline:
                for child in self.children:
                    if not child.has_ended():
                        self.say(f"{child.program.name} is killed")
                        child.kill_group()
                break
            time.sleep(TICK_SECONDS / 2)
        for child in self.children:
            if child.process is not None:
                child.process.wait()
            child.forget()


def run_step(command: Sequence[str]) -> int:
    """Run a program to its end, on this terminal, and return its status. An interruption ends it first."""
    with subprocess.Popen(wrapped(command), process_group=0) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            except (KeyboardInterrupt, subprocess.TimeoutExpired):
                process.kill()
                process.wait()
            raise


def wrapped(command: Sequence[str]) -> list[str]:
    """The command line of a program that ends with this process."""
    # The wrapper is told our pid and not asked to find it: we may be gone by the time it looks.
    return [sys.executable, "-I", "-S", str(WRAPPER), str(os.getpid()), *command]


def rotate(log: Path) -> None:
    """Begin a new log file and keep the last few: web.log, web.log.1, web.log.2 ..."""
    for number in range(KEPT_LOGS - 1, -1, -1):
        older = log.with_name(f"{log.name}.{number}") if number else log
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))


def _ending(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"
