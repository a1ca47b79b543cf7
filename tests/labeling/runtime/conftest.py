from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labeling.runtime.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import sys
from contextlib import contextmanager
from pathlib import Path
from labeling.runtime.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])).running():
    print("in", flush=True)
    sys.stdin.readline()
print("out", flush=True)
"""


class Holder:
    """Another process that keeps the database of a folder running until it is told to leave, or is killed."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self, word: str) -> bool:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip() == word

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def server_pid(folder: Path) -> int | None:
    """The live server of a data folder, found without the code under test: by its command line."""
    wanted = f"-D\0{folder.resolve() / 'cluster'}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "cmdline").read_bytes():
                return int(process.name)
        except OSError:
            continue
    return None


def wait_until(condition: Callable[[], bool], *, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def reachable_folder() -> Iterator[Path]:
    parent = Path(tempfile.mkdtemp(prefix="prefloop-"))  # pytest's own are closed to other accounts
    parent.chmod(0o711)
    try:
        yield parent
    finally:
        pid = server_pid(parent / "data" / "postgres")
        if pid is not None:
            os.kill(pid, signal.SIGQUIT)
            wait_until(lambda: server_pid(parent / "data" / "postgres") is None)
        shutil.rmtree(parent)


@pytest.fixture
def server_pid_of() -> Callable[[Path], int | None]:
    return server_pid


@pytest.fixture
def eventually() -> Callable[..., bool]:
    return wait_until


@pytest.fixture
def new_folder() -> Iterator[Path]:
    """Where a data folder can be made that every account reaches; what runs there ends with the test."""
    with reachable_folder() as parent:
        yield parent / "data" / "postgres"


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A data folder with a cluster that was made and stopped."""
    with reachable_folder() as parent:
        with EmbeddedPostgres(parent / "data" / "postgres").running():
            pass
        yield parent / "data"


@pytest.fixture
def folder(new_folder: Path, template: Path) -> Path:
    """A data folder with a cluster in it, made earlier and copied."""
    subprocess.run(["cp", "-a", str(template), str(new_folder.parent)], check=True)
    return new_folder


@pytest.fixture
def hold(new_folder: Path) -> Iterator[Callable[[], Holder]]:
    """Starts other processes that keep the database of ``new_folder`` running."""
    holders: list[Holder] = []

    def start() -> Holder:
        holders.append(Holder(new_folder))
        return holders[-1]

    yield start
    for holder in holders:
        if holder.process.poll() is None:
            holder.kill()
        for stream in (holder.process.stdin, holder.process.stdout):
            if stream is not None:
                stream.close()
