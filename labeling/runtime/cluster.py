"""One PostgreSQL cluster on disk: make it, start it, see whether it lives, stop it. Its callers hold the lock."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from labeling.runtime.binaries import Binaries, find_binaries
from labeling.runtime.errors import ELSEWHERE, StartError
from labeling.runtime.places import SOCKET_NAME, Account, can_reach, make_private_folder, socket_folder
from labeling.runtime.processes import is_server_of, orphans_of

logger = logging.getLogger(__name__)

SUPERUSER = "postgres"
MEBIBYTE = 1024 * 1024
FREE_TO_MAKE = 256 * MEBIBYTE  # a new cluster with its first segments of log takes about 60 MiB, its tables need room
FREE_TO_START = 32 * MEBIBYTE  # two segments of write-ahead log: with less the server stops at its first writes
LARGEST_LOG = 10 * MEBIBYTE
ORPHAN_SECONDS = 5.0  # children of a dead postmaster notice within milliseconds unless they are in a long query
BUSY_SECONDS = 60.0  # how long a start is repeated while such children, hidden from us, still hold the memory
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class Cluster:
    """The cluster in ``home``, run by ``account``. Not ``durable``: faster, and lost with the machine; for tests."""

    home: Path
    account: Account
    durable: bool = True

    @property
    def folder(self) -> Path:
        """PostgreSQL's own data folder. It exists only when it is whole."""
        return self.home / "cluster"

    @property
    def socket(self) -> Path:
        """The private folder of the socket."""
        return socket_folder(self.home)

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.home / "server.log"

    def postmaster(self) -> int | None:
        """The pid of the live server of this cluster, whatever postmaster.pid claims."""
        try:
            pid = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if is_server_of(pid, self.folder) else None

    def start(self) -> None:
        """Make the cluster if there is none, clear away what a killed server left, start it and wait until it answers.

        Raises:
            StartError: it cannot run; the message has the reason.
        """
        if not can_reach(self.home, self.account):
            raise StartError(
                f"The database in {self.home} runs as {self.account.name}, who may not pass through the folders above "
                f"it any more: allow that (chmod o+x), or {ELSEWHERE}."
            )
        version = self.folder / "PG_VERSION"
        binaries = find_binaries(self.account, major=int(version.read_text()) if version.exists() else None)
        if not version.exists():
            self._make(binaries)
        require_free_space(self.home, FREE_TO_START)
        make_private_folder(self.socket, self.account)
        self._end_orphans()
        self._remove_leftovers()
        begin = self.log.stat().st_size if self.log.exists() else 0
        self._launch(binaries)
        if not self.await_answer():
            raise StartError(f"The database in {self.folder} ended while it started: {self._said_since(begin)}")

    def await_answer(self) -> bool:
        """Wait while the server lives and does not answer yet: after a crash it first reads its log. False: it died."""
        _wait(self._answers_or_is_dead, message="The database repairs itself after a crash")
        return self.postmaster() is not None

    def stop(self) -> None:
        """Stop the server in order and wait for its last checkpoint, however long. Interrupted, it stops at once."""
        pid = self.postmaster()
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)  # "fast": sessions end, what is committed is written down
            try:
                _wait(
                    lambda: not is_server_of(pid, self.folder),
                    message="Waiting for the database to write its last pages",
                )
            except BaseException:
                os.kill(pid, signal.SIGQUIT)  # it recovers from its log at the next start
                raise

    def connect(self, *, user: str = SUPERUSER, dbname: str = "postgres") -> psycopg.Connection:
        """A connection in autocommit to the running server."""
        return psycopg.connect(host=str(self.socket), port=5432, user=user, dbname=dbname, autocommit=True)

    def _make(self, binaries: Binaries) -> None:
        """Make the cluster beside its place and move it there: a killed initdb leaves nothing that looks whole."""
        require_free_space(self.home, FREE_TO_MAKE)
        unfinished = self.home / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        logger.info("Making a database cluster in %s", self.folder)
        options = ["--locale=C.UTF-8", "--encoding=UTF8", "--auth=trust", f"--username={SUPERUSER}"]
        if not self.durable:
            options.append("--no-sync")
        made = self.account.run([binaries.program("initdb"), "-D", str(unfinished), *options])
        if made.returncode != 0:
            raise StartError(f"The database cluster in {self.home} could not be made: {made.stdout.strip()[-1500:]}")
        unfinished.rename(self.folder)
        descriptor = os.open(self.home, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def _launch(self, binaries: Binaries) -> None:
        """Start the postmaster as a daemon. What follows decides whether it came up: recovery may take its time."""
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        command = [binaries.program("pg_ctl"), "start", "--silent", "-w", "-t", "5", "-D", str(self.folder)]
        command += ["-l", str(self.log), "-o", shlex.join(self._options())]
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            begin = self.log.stat().st_size if self.log.exists() else 0
            started = self.account.run(command)
            if started.returncode == 0 or self.postmaster() is not None:
                return
            said = self._said_since(begin)
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise StartError(f"The database in {self.folder} did not start: {said or started.stdout.strip()}")
            time.sleep(0.5)

    def _options(self) -> list[str]:
        """The server's options, all on its command line, so that a later version can change them."""
        settings = [
            "listen_addresses=",
            f'unix_socket_directories="{self.socket}"',
            "unix_socket_permissions=0700",
            "max_connections=200",
            "timezone=UTC",
            "log_timezone=UTC",
            *(() if self.durable else QUICK),
        ]
        return ["-p", "5432", *(word for setting in settings for word in ("-c", setting))]

    def _answers_or_is_dead(self) -> bool:
        try:
            self.connect().close()
        except psycopg.errors.TooManyConnections:
            return True
        except psycopg.OperationalError:
            return self.postmaster() is None
        return True

    def _end_orphans(self) -> None:
        """End what a killed postmaster left running; their memory would keep a new one from starting."""
        deadline = time.monotonic() + ORPHAN_SECONDS
        for pid in (orphans := orphans_of(self.folder)):
            _send(pid, signal.SIGQUIT)
        while orphans and time.monotonic() < deadline:
            time.sleep(0.02)
            orphans = orphans_of(self.folder)
        for pid in orphans:
            _send(pid, signal.SIGKILL)

    def _remove_leftovers(self) -> None:
        """Remove a dead server's pid and socket files: PostgreSQL refuses to start while any process has that pid."""
        names = (SOCKET_NAME, f"{SOCKET_NAME}.lock")
        for path in (self.folder / "postmaster.pid", *(self.socket / name for name in names)):
            path.unlink(missing_ok=True)

    def _said_since(self, begin: int) -> str:
        try:
            with self.log.open("rb") as log:
                log.seek(begin)
                return log.read().decode(errors="replace").strip()[-1500:]
        except OSError:
            return ""


def require_free_space(folder: Path, need: int) -> None:
    """Check that ``need`` bytes are free on the disk of ``folder``.

    Raises:
        StartError: there is less.
    """
    free = shutil.disk_usage(folder).free
    if free < need:
        raise StartError(
            f"The disk of {folder} has {free // MEBIBYTE} MiB left and the database needs {need // MEBIBYTE} MiB: "
            f"free some, or {ELSEWHERE}."
        )


def _wait(done: Callable[[], bool], *, message: str) -> None:
    """Wait without a limit, saying every ten seconds what for."""
    pause, said = 0.01, time.monotonic()
    while not done():
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
        if time.monotonic() - said > 10:
            logger.warning(message)
            said = time.monotonic()


def _send(pid: int, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signum)
