"""The whole thing as `make run` starts it, on a data folder and a port of its own, and blows against its parts."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a-password-for-tests-only"
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(condition: Callable[[], T | None], *, seconds: float, what: str) -> T:
    """The first true value of a condition.

    Raises:
        TimeoutError: it stayed false; says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.3)
    raise TimeoutError(f"after {seconds:.0f} s there is still no {what}")


class System:
    """One running installation."""

    def __init__(self, data: Path, *, models: Path) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data / "test.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.clients: list[httpx.Client] = []
        data.mkdir(parents=True, exist_ok=True)
        models.mkdir(parents=True, exist_ok=True)
        if not (data / "models").exists():
            (data / "models").symlink_to(models)  # the default model trains once a machine, not once a test

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in {"SECRET_KEY", "DATABASE_URL"}}
        return {**kept, "DATA_DIR": str(self.data), "PORT": str(self.port), "DEMO_PASSWORD": PASSWORD}

    def start(self, *, seconds: float = 300) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run"],
                cwd=ROOT,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self.is_ready, seconds=seconds, what=f"answer from {self.url}; the log ends with\n{self.tail()}")

    def is_ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended with {self.process.returncode}:\n{self.tail()}")
        return self.is_healthy()

    def is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> int:
        """Ctrl-C; returns the exit status."""
        for client in self.clients:
            client.close()
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def manage(self, *arguments: str, seconds: float = 300) -> str:
        """Run a management command against this installation; returns what it printed."""
        result = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment(), "SECRET_KEY": (self.data / "secret_key").read_text().strip(), "HTTPS": "0"},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def pids_of(self, part: str) -> list[int]:
        """The processes of a part: web, worker or postgres.

        Raises:
            LookupError: none runs.
        """
        found = []
        patterns = {
            "web": rf"labeling\.runtime\.web .*--port {self.port}\b",
            "worker": r"manage\.py worker",
            "postgres": rf"postgres.* -D {re.escape(str(self.postgres_folder()))}",
        }
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environ = (folder / "environ").read_bytes() if part == "worker" else b""
            except OSError:
                continue
            if re.search(patterns[part], command) and (
                part != "worker" or f"DATA_DIR={self.data}".encode() in environ.split(b"\0")
            ):
                found.append(int(folder.name))
        if not found:
            raise LookupError(f"no {part} runs")
        return found

    def postgres_folder(self) -> Path:
        from labeling.runtime.postgres import connection_parameters

        socket_folder = Path(connection_parameters(self.data / "postgres")["host"])
        lock = next(socket_folder.glob(".s.PGSQL.*.lock"))
        return Path(lock.read_text().splitlines()[1])

    def kill(self, part: str) -> None:
        """SIGKILL, in the middle of whatever it does."""
        for pid in self.pids_of(part):
            os.kill(pid, signal.SIGKILL)

    def be_without_database(self, *, seconds: float) -> None:
        """SIGKILL to the database, which does not come back for a while: who would start it again is held meanwhile."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            self.kill("postgres")
            time.sleep(seconds)
        finally:
            self.process.send_signal(signal.SIGCONT)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the database itself, past the application."""
        from labeling.runtime.postgres import connection_parameters

        with psycopg.connect(**connection_parameters(self.data / "postgres")) as connection:
            return connection.execute(sql, parameters).fetchall()

    def client(self, username: str) -> httpx.Client:
        """An API client that is signed in by token."""
        answer = httpx.post(f"{self.url}/api/v1/token/", json={"username": username, "password": PASSWORD}, timeout=20)
        answer.raise_for_status()
        client = httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"Authorization": f"Token {answer.json()['token']}"}, timeout=30
        )
        self.clients.append(client)
        return client
