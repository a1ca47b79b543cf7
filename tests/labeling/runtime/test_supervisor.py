from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labeling.runtime.supervisor import Backoff, rotate

ROOT = Path(__file__).resolve().parents[3]
SUPERVISE = """
import sys
from pathlib import Path
from labeling.runtime.supervisor import Interruption, Program, Supervisor
programs = [Program(name, [sys.executable, "-u", "-c", code]) for name, code in zip(sys.argv[2::2], sys.argv[3::2])]
interruption = Interruption()
with interruption.listening():
    Supervisor(programs, logs=Path(sys.argv[1]), say=lambda text: print(text, flush=True)).run(
        interruption=interruption, tend=lambda: None
    )
"""
OBEDIENT = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("bye"), sys.exit(0)))
print("pid", os.getpid())
time.sleep(600)
"""
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("pid", os.getpid())
time.sleep(600)
"""
WITH_A_CHILD = """
import os, subprocess, time
grandchild = subprocess.Popen(["sleep", "600"])
print("grandchild", grandchild.pid)
print("pid", os.getpid())
time.sleep(600)
"""


STEP = """
import sys
from labeling.runtime.supervisor import Interruption, run_step
with Interruption().listening():
    try:
        print("status", run_step([sys.executable, "-u", "-c", sys.argv[1]]), flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


class Supervised:
    """A supervisor in a process of its own, and what it says."""

    def __init__(self, logs: Path, programs: dict[str, str]) -> None:
        arguments = [word for pair in programs.items() for word in pair]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, str(logs), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def read_until(self, pattern: str) -> str:
        """The first group of the first line that matches."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if found := re.search(pattern, line):
                return found[1]
        raise AssertionError(f"it never said {pattern}: {self.lines}")

    def pids(self, *names: str) -> list[int]:
        """The pids that the programs print, in whatever order they come up."""
        found: dict[str, int] = {}
        while set(found) != set(names):
            line = self.read_until(r"^(\w+ +\| pid \d+)$")
            found[line.split()[0]] = int(line.split()[-1])
        return [found[name] for name in names]

    def rest(self) -> list[str]:
        assert self.process.stdout is not None
        rest = [line.rstrip() for line in self.process.stdout]
        self.process.wait()
        return rest


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(**programs: str) -> Supervised:
        started.append(Supervised(tmp_path / "logs", programs))
        return started[-1]

    yield start
    for supervised in started:
        if supervised.process.poll() is None:
            supervised.process.kill()
            supervised.process.wait()
        if supervised.process.stdout is not None:
            supervised.process.stdout.close()


def runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_delays_double_up_to_half_a_minute():
    backoff = Backoff()

    delays = [backoff.after(1.0) for _ in range(8)]

    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_minute_of_health_forgets_earlier_deaths():
    backoff = Backoff()
    for _ in range(5):
        backoff.after(1.0)

    assert backoff.after(60.0) == 0.5
    assert backoff.after(59.0) == 1.0


def test_a_killed_program_starts_again_and_its_neighbour_stays(supervise):
    supervised = supervise(web=OBEDIENT, worker=OBEDIENT)
    web, worker = supervised.pids("web", "worker")

    os.kill(worker, signal.SIGKILL)
    (again,) = supervised.pids("worker")

    assert "worker was killed by SIGKILL; it starts again in 0.5 s" in supervised.lines
    assert again != worker
    assert runs(web)
    assert runs(again)


def test_what_a_killed_program_had_started_ends_before_its_successor(supervise):
    supervised = supervise(worker=WITH_A_CHILD)
    grandchild = int(supervised.read_until(r"grandchild (\d+)"))
    (worker,) = supervised.pids("worker")

    os.kill(worker, signal.SIGKILL)
    supervised.pids("worker")

    assert not runs(grandchild)


def test_ctrl_c_lets_all_say_goodbye(supervise):
    supervised = supervise(web=OBEDIENT, worker=OBEDIENT)
    pids = supervised.pids("web", "worker")

    supervised.process.send_signal(signal.SIGINT)
    said = supervised.rest()

    assert supervised.process.returncode == 0
    assert said[0] == "Stopping (Ctrl-C again stops at once)"
    assert sorted(said[1:]) == ["web     | bye", "worker  | bye"]
    assert not any(runs(pid) for pid in pids)


def test_a_second_ctrl_c_kills_at_once(supervise):
    supervised = supervise(web=STUBBORN)
    (web,) = supervised.pids("web")

    supervised.process.send_signal(signal.SIGINT)
    supervised.read_until("(Stopping)")
    supervised.process.send_signal(signal.SIGINT)
    said = supervised.rest()

    assert said == ["web is killed"]
    assert supervised.process.returncode == 0
    assert not runs(web)


def test_children_end_when_the_supervisor_is_killed(supervise, eventually):
    supervised = supervise(web=OBEDIENT, worker=OBEDIENT)
    pids = supervised.pids("web", "worker")

    supervised.process.kill()

    assert eventually(lambda: not any(runs(pid) for pid in pids))


def test_what_programs_say_is_kept_in_their_logs(supervise, tmp_path):
    supervised = supervise(web=OBEDIENT)
    (web,) = supervised.pids("web")
    supervised.process.send_signal(signal.SIGTERM)
    supervised.rest()

    assert (tmp_path / "logs" / "web.log").read_text() == f"pid {web}\nbye\n"


def test_a_step_is_run_to_its_end_and_its_status_is_returned():
    done = subprocess.run(
        [sys.executable, "-c", STEP, "raise SystemExit(3)"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout == "status 3\n"


def test_an_interrupted_step_has_ended_before_anything_else_goes_on():
    slow_to_end = OBEDIENT.replace('print("bye")', 'time.sleep(0.5), print("bye")')
    with subprocess.Popen(
        [sys.executable, "-c", STEP, slow_to_end], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline().split()[-1])

        running.send_signal(signal.SIGINT)
        said = running.stdout.read()

    assert said == "bye\ninterrupted\n"
    assert not runs(pid)


def test_five_earlier_logs_are_kept(tmp_path):
    log = tmp_path / "web.log"
    for number in range(8):
        log.write_text(f"run {number}")
        rotate(log)

    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}

    assert kept == {f"web.log.{number}": f"run {8 - number}" for number in range(1, 6)}
